/** Random packets: the bytes, and what the model is told about them. */
import type { Packet } from '@opennvr/containment/model';
import { CARDS, type Card, OURS, PORTS, UIDS, V4, V6 } from './pools.ts';
import type { Dice } from './random.ts';

export interface TestPacket {
  /** IP identification, or the low bits of the flow label: unique in a run. */
  tag: number;
  way: 'in' | 'out';
  /** `lo` on the way out only. */
  card: Card | 'lo';
  /** Owner of the sending socket, for `out`. */
  uid: number;
  version: 4 | 6;
  saddr: string;
  daddr: string;
  protocol: number;
  /** What the whole datagram has after the IP header. */
  transport: Buffer;
  /** Where the second fragment starts in `transport`. */
  cut: number;
  /** IP packets to send: one, or two fragments. */
  parts: readonly Buffer[];
}

function checksum(data: Buffer): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += (data[i] ?? 0) * 256 + (data[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export function addressBytes(text: string): Buffer {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [head, tail] = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const groups =
    head?.length === 8
      ? head
      : [
          ...(head ?? []),
          ...Array<string>(8 - (head?.length ?? 0) - (tail?.length ?? 0)).fill('0'),
          ...(tail ?? []),
        ];
  return Buffer.from(groups.map((g) => g.padStart(4, '0')).join(''), 'hex');
}

/** @param fragment the flags and offset field of RFC 791 */
export function ipv4(
  tag: number,
  saddr: string,
  daddr: string,
  protocol: number,
  payload: Buffer,
  fragment = 0,
): Buffer {
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(20 + payload.length, 2);
  header.writeUInt16BE(tag, 4);
  header.writeUInt16BE(fragment, 6);
  header[8] = 64;
  header[9] = protocol;
  addressBytes(saddr).copy(header, 12);
  addressBytes(daddr).copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload]);
}

export function ipv6(tag: number, saddr: string, daddr: string, next: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  header.writeUInt16BE(tag, 2);
  header.writeUInt16BE(payload.length, 4);
  header[6] = next;
  header[7] = 64;
  addressBytes(saddr).copy(header, 8);
  addressBytes(daddr).copy(header, 24);
  return Buffer.concat([header, payload]);
}

const extension = (next: number): Buffer => Buffer.from([next, 0, 1, 4, 0, 0, 0, 0]);

function fragmentHeader(next: number, offset: number, more: boolean, tag: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = next;
  header.writeUInt16BE(offset | (more ? 1 : 0), 2);
  header.writeUInt32BE(tag, 4);
  return header;
}

/** A transport header of the right length; checksums are zero (tracking is told not to look). */
export function transport(d: Dice, protocol: number): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(d.pick(PORTS), 0);
  ports.writeUInt16BE(d.pick(PORTS), 2);
  if (protocol === 6) {
    const rest = Buffer.alloc(20);
    rest[8] = 0x50;
    rest[9] = d.pick([0x02, 0x02, 0x10, 0x12, 0x04, 0x11, 0x18, 0x00, 0x29]);
    rest.writeUInt16BE(1000, 10);
    return Buffer.concat([ports, rest.subarray(0, 16), Buffer.alloc(d.pick([0, 4, 12]))]);
  }
  if (protocol === 17) {
    const payload = d.pick([0, 4, 20]);
    const rest = Buffer.alloc(4 + payload);
    rest.writeUInt16BE(8 + payload, 0);
    return Buffer.concat([ports, rest]);
  }
  if (protocol === 1) return Buffer.from([d.pick([0, 3, 8, 8, 13]), d.pick([0, 0, 1]), 0, 0, 0, 7, 0, 1]);
  if (protocol === 58)
    return Buffer.from([d.pick([1, 128, 128, 129, 135]), d.pick([0, 0, 3]), 0, 0, 0, 7, 0, 1]);
  return Buffer.concat([ports, Buffer.alloc(d.pick([0, 4, 12]))]);
}

export function randomPacket(d: Dice, tag: number): TestPacket {
  const way = d.chance(0.6) ? 'in' : 'out';
  const version = d.chance(0.55) ? 4 : 6;
  const card = d.pick(CARDS);
  const hosts = version === 4 ? V4 : V6;
  const ours = OURS[card][version === 4 ? 0 : 1];
  const protocol = d.pick(
    version === 4 ? [6, 6, 6, 17, 17, 17, 1, 1, 58, 47, 132, 2] : [6, 6, 6, 17, 17, 17, 58, 58, 1, 47, 132],
  );
  const whole = transport(d, protocol);
  const foreign = hosts.filter((h) => !Object.values(OURS).flat().includes(h));
  const saddr = way === 'in' ? d.pick(d.chance(0.8) ? foreign : hosts) : d.chance(0.8) ? ours : d.pick(hosts);
  const daddr = way === 'in' ? (d.chance(0.5) ? ours : d.pick(hosts)) : d.pick(foreign);
  const short = d.chance(0.06) ? whole.subarray(0, d.below(whole.length)) : whole;
  const split = short.length > 8 && d.chance(0.15);
  // Linux leaves IPv6 fragments below the smallest MTU apart even where it joins others: some of each.
  const long = split && version === 6 && d.chance(0.5);
  const sent = long ? Buffer.concat([short, Buffer.alloc(1300)]) : short;
  const cut = long ? 1240 : 8;
  const made = {
    tag,
    way,
    card,
    uid: d.pick(UIDS),
    version,
    saddr,
    daddr,
    protocol,
    transport: sent,
    cut,
  } as const;
  return { ...made, parts: version === 4 ? parts4(made, split) : parts6(made, split, d.chance(0.1)) };
}

type Unsent = Omit<TestPacket, 'parts'>;

function parts4(p: Unsent, split: boolean): Buffer[] {
  if (!split) return [ipv4(p.tag, p.saddr, p.daddr, p.protocol, p.transport)];
  const head = ipv4(p.tag, p.saddr, p.daddr, p.protocol, p.transport.subarray(0, p.cut), 0x2000);
  return [head, ipv4(p.tag, p.saddr, p.daddr, p.protocol, p.transport.subarray(p.cut), p.cut / 8)];
}

function parts6(p: Unsent, split: boolean, extended: boolean): Buffer[] {
  if (!split) {
    return extended
      ? [ipv6(p.tag, p.saddr, p.daddr, 60, Buffer.concat([extension(p.protocol), p.transport]))]
      : [ipv6(p.tag, p.saddr, p.daddr, p.protocol, p.transport)];
  }
  const piece = (offset: number, more: boolean, bytes: Buffer): Buffer =>
    ipv6(
      p.tag,
      p.saddr,
      p.daddr,
      44,
      Buffer.concat([fragmentHeader(p.protocol, offset, more, p.tag), bytes]),
    );
  return [piece(0, true, p.transport.subarray(0, p.cut)), piece(p.cut, false, p.transport.subarray(p.cut))];
}

const readable = (bytes: Buffer): bigint => (bytes.length >= 14 ? 5n : BigInt(Math.min(bytes.length, 4)));

const CT: Readonly<Record<string, bigint>> = {
  invalid: 1n,
  established: 2n,
  related: 4n,
  new: 8n,
  untracked: 64n,
};
export const STATES = Object.keys(CT);

/** Whether tracking puts fragments together before routing, and whether the hook in question sees the result. */
export interface Assembly {
  joined: boolean;
  whole: boolean;
}

/**
 * What the model is told: one reading for a whole packet, one for each piece of one in fragments.
 * @param state as the kernel saw it; undefined when it did not get that far, then every state is tried
 */
export function readings(
  p: TestPacket,
  state: string | undefined,
  assembly: Assembly,
  number: (card: string) => bigint,
): Packet[] {
  const states = state === undefined ? Object.values(CT) : [CT[state] ?? 0n];
  const address = (text: string): bigint => {
    const value = BigInt(`0x${addressBytes(text).toString('hex')}`);
    return p.version === 4 ? value << 96n : value;
  };
  const fields = (bytes: Buffer) => ({
    thbytes: readable(bytes),
    sport: BigInt((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)),
    dport: BigInt((bytes[2] ?? 0) * 256 + (bytes[3] ?? 0)),
    flags: BigInt(bytes[13] ?? 0),
  });
  const split = p.parts.length > 1;
  // A later piece has no transport header, but Linux 6.18 reads one all the same (seen): out of what follows the IPv4
  // header, or out of the IPv6 header itself. Both are tried, so that a kernel that does not may be tested too.
  const misread = p.version === 4 ? p.parts[1]?.subarray(20) : p.parts[1];
  const pieces = split
    ? [p.transport.subarray(0, p.cut), Buffer.alloc(0), misread ?? Buffer.alloc(0)]
    : [p.transport];
  const out: Packet[] = [];
  for (const piece of pieces) {
    // Small IPv6 fragments stay apart wherever they please: both ways are tried.
    const either = split && p.version === 6;
    for (const joined of either ? [false, true] : [assembly.joined]) {
      for (const main of either ? [piece, p.transport] : [assembly.whole ? p.transport : piece]) {
        for (const ct of states) out.push(reading(piece, main, joined, ct));
      }
    }
  }
  return out;

  function reading(piece: Buffer, main: Buffer, joined: boolean, ct: bigint): Packet {
    const wire = fields(piece);
    return {
      frag: split ? 1n : 0n,
      joined: joined ? 1n : 0n,
      iif: p.way === 'in' ? number(p.card) : 0n,
      oif: p.way === 'out' ? number(p.card) : 0n,
      nfproto: p.version === 4 ? 2n : 10n,
      ct,
      l4ok: 1n,
      l4proto: BigInt(p.protocol),
      owned: p.way === 'out' ? 1n : 0n,
      uid: p.way === 'out' ? BigInt(p.uid) : 0n,
      saddr: address(p.saddr),
      daddr: address(p.daddr),
      ...fields(main),
      wireL4ok: 1n,
      wireL4proto: BigInt(p.protocol),
      wireThbytes: wire.thbytes,
      wireSport: wire.sport,
      wireDport: wire.dport,
      wireFlags: wire.flags,
    };
  }
}
