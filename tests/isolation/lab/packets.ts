import { ipv4, ipv6, type TestPacket } from '../fuzz/packets.ts';

/** One packet, described the way an attack is. */
export interface Shape {
  card: TestPacket['card'];
  /** Sent by this user of the box; otherwise it comes in from the cable. */
  uid?: number;
  from: string;
  to: string;
  protocol: number;
  ports?: readonly [number, number];
  /** TCP flags; SYN unless given. */
  flags?: number;
  /** ICMP type. */
  type?: number;
  /** Cut after these bytes of the transport header, as two fragments. */
  cut?: number;
}

function transportOf(s: Shape): Buffer {
  const [from, to] = s.ports ?? [0, 0];
  if (s.protocol === 6) {
    const bytes = Buffer.alloc(20);
    bytes.writeUInt16BE(from, 0);
    bytes.writeUInt16BE(to, 2);
    bytes[12] = 0x50;
    bytes[13] = s.flags ?? 2;
    return bytes;
  }
  if (s.protocol === 17) {
    const bytes = Buffer.alloc(24);
    bytes.writeUInt16BE(from, 0);
    bytes.writeUInt16BE(to, 2);
    bytes.writeUInt16BE(24, 4);
    return bytes;
  }
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16BE(from, 0);
  bytes.writeUInt16BE(to, 2);
  if (s.ports === undefined && (s.protocol === 1 || s.protocol === 58)) bytes[0] = s.type ?? 8;
  return bytes;
}

export function packetOf(s: Shape, tag: number): TestPacket {
  const version = s.from.includes(':') ? 6 : 4;
  const transport = transportOf(s);
  const cut = s.cut ?? 8;
  const whole = version === 4 ? ipv4 : ipv6;
  const parts =
    s.cut === undefined
      ? [whole(tag, s.from, s.to, s.protocol, transport)]
      : [
          ipv4(tag, s.from, s.to, s.protocol, transport.subarray(0, cut), 0x2000),
          ipv4(tag, s.from, s.to, s.protocol, transport.subarray(cut), cut / 8),
        ];
  return {
    tag,
    way: s.uid === undefined ? 'in' : 'out',
    card: s.card,
    uid: s.uid ?? 0,
    version,
    saddr: s.from,
    daddr: s.to,
    protocol: s.protocol,
    transport,
    cut,
    parts,
  };
}
