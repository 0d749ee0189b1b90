/** What cameras tried, out of the sets and counters that `firewall.nft` keeps in the kernel. */
import { z } from 'zod';
import { OutsideError, printable } from './outside.ts';

/** One camera, one destination. */
export interface Attempt {
  mac: string;
  source: string;
  destination: string;
  /** IP protocol number. */
  protocol: number;
  /** Of TCP and UDP. */
  port: number | undefined;
  /** Packets since the row began; a row ends an hour after its last packet. */
  times: number;
  /** ms since the epoch, exact to the second. */
  last: number;
}

export interface Attempts {
  /** The latest first. */
  rows: readonly Attempt[];
  /** Packets that had no room in the rows: what their senders tried is not known. */
  more: number;
  /** Everything refused, by the name of its counter in `firewall.nft`. */
  refused: Readonly<Record<string, number>>;
}

const SETS = ['attempts', 'attempts_other', 'attempts_ip6'];
const MORE = 'attempts_more';
const MOST_LINES = 200;

const protocolNumber = z.union([z.int(), z.enum(['icmp', 'igmp', 'tcp', 'udp', 'ipv6-icmp'])]);
const NUMBERS = { icmp: 1, igmp: 2, tcp: 6, udp: 17, 'ipv6-icmp': 58 } as const;
const NAMES: Readonly<Record<number, string>> = { 1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 58: 'ICMPv6' };

const element = z.object({
  elem: z.object({
    val: z.object({
      concat: z.union([
        z.tuple([z.string(), z.string(), z.string(), protocolNumber]),
        z.tuple([z.string(), z.string(), z.string(), protocolNumber, z.int()]),
      ]),
    }),
    timeout: z.number().optional(),
    expires: z.number(),
    counter: z.object({ packets: z.int() }),
  }),
});
const set = z.object({ name: z.string(), timeout: z.number(), elem: z.array(element).default([]) });
const counter = z.object({ name: z.string(), packets: z.int() });
const listing = z.object({
  nftables: z.array(z.object({ set: z.unknown().optional(), counter: z.unknown().optional() })),
});

/**
 * @param source what `nft -j -n list table inet opennvr` printed
 * @param now wall clock, ms since the epoch
 * @throws OutsideError when that is anything else
 */
export function readAttempts(source: string, now: number): Attempts {
  try {
    const objects = listing.parse(JSON.parse(source)).nftables;
    const sets = objects.flatMap(({ set: s }) => (isNamed(s, SETS) ? [set.parse(s)] : []));
    if (sets.length < SETS.length) throw new OutsideError('the loaded packet filter does not count attempts');
    const counters = objects.flatMap(({ counter: c }) => (c === undefined ? [] : [counter.parse(c)]));
    const rows = sets.flatMap((s) => s.elem.map(({ elem }) => attempt(elem, elem.timeout ?? s.timeout, now)));
    const { [MORE]: more = 0, ...refused } = Object.fromEntries(counters.map((c) => [c.name, c.packets]));
    return { rows: rows.sort((a, b) => b.last - a.last || b.times - a.times), more, refused };
  } catch (error) {
    if (error instanceof SyntaxError) throw new OutsideError('what nft printed is not JSON (truncated?)');
    if (error instanceof z.ZodError) throw new OutsideError('what nft printed is not understood');
    throw error;
  }
}

const isNamed = (value: unknown, names: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && 'name' in value && names.includes(String(value.name));

function attempt(
  { val, expires, counter: { packets } }: z.infer<typeof element>['elem'],
  timeout: number,
  now: number,
): Attempt {
  const [mac, source, destination, protocol, port] = val.concat;
  return {
    mac,
    source,
    destination,
    protocol: typeof protocol === 'number' ? protocol : NUMBERS[protocol],
    port,
    // The rules look a row up and then update it, and both count (seen on Linux 6.18): all but the first come twice.
    times: Math.ceil((packets + 1) / 2),
    last: now - Math.max(0, timeout - expires) * 1000,
  };
}

/** A line for each row, up to 200. */
export function attemptsInWords({ rows, more, refused }: Attempts, now: number): string {
  const lines = rows.slice(0, MOST_LINES).map((row) => {
    const ago = Math.round((now - row.last) / 1000);
    return `${row.source} (${row.mac}) to ${target(row)}: ${times(row.times)}, last ${ago} s ago`;
  });
  const unshown = rows.length - MOST_LINES;
  if (rows.length === 0) lines.push('No camera tried anything in the last hour.');
  if (unshown > 0) lines.push(`and ${unshown} more rows, with --json`);
  if (more > 0) lines.push(`and ${more} more packets that there was no room to tell apart`);
  for (const [name, packets] of Object.entries(refused)) {
    if (packets > 0) lines.push(`${name}: ${packets} packets since the rules were loaded`);
  }
  return lines.map(printable).join('\n');
}

function target({ destination, protocol, port }: Attempt): string {
  const name = NAMES[protocol] ?? `protocol ${protocol}`;
  return port === undefined ? `${destination}, ${name}` : `${destination} port ${port}, ${name}`;
}

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
