/** A packet and its way through the rules, in words. */
import { formatIpv4, formatIpv6 } from './address.ts';
import type { Packet } from './algebra.ts';
import type { Interfaces } from './interfaces.ts';
import type { Hook } from './ir.ts';
import type { Walk } from './replay.ts';

/** Plain JSON: goes into certificates. */
export interface Counterexample {
  /** One sentence. */
  packet: string;
  /** The facts of that sentence, for programs; addresses as text, numbers in decimal. */
  facts: Readonly<Record<string, string>>;
  /** The rules it passed by, in order. */
  rules: readonly string[];
  /** What has to be so for it to go this way; empty when it always does. */
  assumes: readonly string[];
}

const PROTOCOLS: Readonly<Record<string, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  6: 'TCP',
  17: 'UDP',
  47: 'GRE',
  50: 'ESP',
  58: 'ICMPv6',
  132: 'SCTP',
};
const STATES: Readonly<Record<string, string>> = {
  1: 'invalid',
  2: 'established',
  4: 'related',
  8: 'new',
  64: 'untracked',
};

/** @param walk undefined when the replay found no such way (then the engines disagree, and that is said) */
export function counterexample(
  packet: Packet,
  hooks: readonly Hook[],
  walk: Walk | undefined,
  interfaces: Interfaces,
  kind: 'safety' | 'liveness',
): Counterexample {
  const v4 = packet.nfproto === 2n;
  const address = (value: bigint): string => (v4 ? formatIpv4(value >> 96n) : formatIpv6(value));
  const hasPorts = packet.l4ok === 1n && packet.thbytes >= 4n;
  const facts: Record<string, string> = {
    family: v4 ? 'IPv4' : 'IPv6',
    protocol: packet.l4ok === 1n ? String(packet.l4proto) : 'none',
    source: address(packet.saddr),
    destination: address(packet.daddr),
    state: STATES[String(packet.ct)] ?? '?',
    fragmented: packet.frag === 1n ? 'yes' : 'no',
  };
  const incoming = !hooks.includes('output');
  if (incoming) facts.in = interfaces.name(packet.iif);
  if (hooks.includes('forward') || !incoming) facts.out = interfaces.name(packet.oif);
  if (hasPorts) {
    facts.sourcePort = String(packet.sport);
    facts.destinationPort = String(packet.dport);
  }
  if (!incoming) facts.user = packet.owned === 1n ? String(packet.uid) : 'none';
  const shown = PROTOCOLS[facts.protocol ?? ''] ?? `protocol ${facts.protocol}`;
  const end = (host: string | undefined, port: string | undefined): string =>
    port === undefined ? `${host}` : v4 ? `${host}:${port}` : `[${host}]:${port}`;
  const words = [
    `${facts.family} ${shown} ${end(facts.source, facts.sourcePort)} → ${end(facts.destination, facts.destinationPort)}`,
    facts.in === undefined ? '' : `in on ${facts.in}`,
    facts.out === undefined ? '' : `out on ${facts.out}`,
    facts.user === undefined
      ? ''
      : facts.user === 'none'
        ? 'sent by the kernel'
        : `sent by user ${facts.user}`,
    `connection ${facts.state}`,
    facts.fragmented === 'yes' ? 'in fragments' : '',
  ].filter((w) => w !== '');
  const fate = kind === 'safety' ? 'gets through' : 'does not get through';
  return {
    packet: `${words.join(', ')}: ${fate}.`,
    facts,
    rules: walk?.trail ?? ['the step-by-step replay does not agree: please report this'],
    assumes: (walk?.assumes ?? []).map(
      (a) => `${a.why} ${a.holds ? 'matches' : 'does not match'} (${a.rule})`,
    ),
  };
}
