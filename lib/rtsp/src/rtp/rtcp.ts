import { RtspError } from '../types.ts';
import { uint32At } from './byte.ts';

/** RFC 3550 12.1. */
export const RTCP_TYPE = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  goodbye: 203,
} as const;
/** Packets in one compound packet; real ones have two to four. */
const MAX_PACKETS = 64;
const CNAME = 1;

/** Seconds from the NTP epoch (1900) to the Unix epoch. */
export const NTP_OFFSET = 2_208_988_800;

/** One reception report block, RFC 3550 6.4.1. */
export interface ReportBlock {
  /** The source reported on. */
  ssrc: number;
  /** Of the packets since the report before, in 1/256. */
  fractionLost: number;
  /** Signed: duplicates make it negative. */
  cumulativeLost: number;
  /** With the count of wraps in the upper 16 bit. */
  highestSequence: number;
  /** Units of the track's clock. */
  jitter: number;
  /** Middle 32 bit of the last sender report's NTP time; 0 when none came. */
  lastSenderReport: number;
  /** Since that report came, in 1/65536 s. */
  delaySinceLastSenderReport: number;
}

export interface SenderReport {
  type: 'sender-report';
  ssrc: number;
  /** When it was sent: wall clock of the sender, ms since the Unix epoch. */
  wallMs: number;
  /** Middle 32 bit of the NTP time, as receiver reports give it back. */
  ntpMiddle: number;
  /** The same moment in the track's clock. */
  rtpTimestamp: number;
  packets: number;
  octets: number;
  reports: ReportBlock[];
}

export type RtcpPacket =
  | SenderReport
  | { type: 'receiver-report'; ssrc: number; reports: ReportBlock[] }
  | { type: 'source-description'; chunks: { ssrc: number; cname: string }[] }
  | { type: 'goodbye'; ssrcs: number[] };

/**
 * Reads the compound RTCP packet in `buf[start, end)` (RFC 3550 6). Packet types beyond SR, RR, SDES and BYE are
 * passed over, as are profile extensions.
 *
 * @throws RtspError `protocol` when it is none, `limit` when it has more than 64 parts.
 */
export function parseRtcp(buf: Buffer, start = 0, end = buf.length): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  const stop = Math.min(end, buf.length);
  let at = start;
  for (let parts = 0; at < stop; parts++) {
    if (parts === MAX_PACKETS) throw new RtspError('limit', `RTCP: more than ${MAX_PACKETS} packets in one`);
    if (stop - at < 4) throw new RtspError('protocol', 'RTCP: truncated header');
    const first = buf.readUInt8(at);
    if (first >> 6 !== 2) throw new RtspError('protocol', `RTCP: version is ${first >> 6}`);
    const next = at + 4 + buf.readUInt16BE(at + 2) * 4;
    if (next > stop) throw new RtspError('protocol', 'RTCP: length runs past the packet');
    const padding = first & 0x20 ? buf.readUInt8(next - 1) : 0;
    if (padding > next - at - 4) throw new RtspError('protocol', 'RTCP: padding is longer than the packet');
    const packet = parsePacket(buf.readUInt8(at + 1), first & 0x1f, buf.subarray(at + 4, next - padding));
    if (packet) packets.push(packet);
    at = next;
  }
  return packets;
}

function parsePacket(type: number, count: number, body: Buffer): RtcpPacket | undefined {
  switch (type) {
    case RTCP_TYPE.senderReport:
      return parseSenderReport(count, body);
    case RTCP_TYPE.receiverReport:
      need(body, 4 + count * 24, 'receiver report');
      return { type: 'receiver-report', ssrc: body.readUInt32BE(0), reports: parseBlocks(body, 4, count) };
    case RTCP_TYPE.sourceDescription:
      return { type: 'source-description', chunks: parseChunks(body, count) };
    case RTCP_TYPE.goodbye:
      need(body, count * 4, 'goodbye');
      return { type: 'goodbye', ssrcs: Array.from({ length: count }, (_, i) => body.readUInt32BE(i * 4)) };
    default:
      return undefined;
  }
}

function parseSenderReport(count: number, body: Buffer): SenderReport {
  need(body, 24 + count * 24, 'sender report');
  const seconds = body.readUInt32BE(4);
  const fraction = body.readUInt32BE(8);
  // Times with the first bit clear are those after the wrap of 2036 (RFC 4330 3).
  const era = seconds < 2 ** 31 ? 2 ** 32 : 0;
  return {
    type: 'sender-report',
    ssrc: body.readUInt32BE(0),
    wallMs: (era + seconds - NTP_OFFSET + fraction / 2 ** 32) * 1000,
    ntpMiddle: uint32At(body, 6),
    rtpTimestamp: body.readUInt32BE(12),
    packets: body.readUInt32BE(16),
    octets: body.readUInt32BE(20),
    reports: parseBlocks(body, 24, count),
  };
}

function parseBlocks(body: Buffer, start: number, count: number): ReportBlock[] {
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * 24;
    return {
      ssrc: body.readUInt32BE(at),
      fractionLost: body.readUInt8(at + 4),
      cumulativeLost: body.readIntBE(at + 5, 3),
      highestSequence: body.readUInt32BE(at + 8),
      jitter: body.readUInt32BE(at + 12),
      lastSenderReport: body.readUInt32BE(at + 16),
      delaySinceLastSenderReport: body.readUInt32BE(at + 20),
    };
  });
}

/** SDES chunks, RFC 3550 6.5; of their items the CNAME. */
function parseChunks(body: Buffer, count: number): { ssrc: number; cname: string }[] {
  const chunks: { ssrc: number; cname: string }[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    need(body, at + 4, 'source description');
    const chunk = { ssrc: body.readUInt32BE(at), cname: '' };
    at += 4;
    for (;;) {
      need(body, at + 1, 'source description');
      const item = body.readUInt8(at);
      if (item === 0) break;
      need(body, at + 2, 'source description');
      const itemEnd = at + 2 + body.readUInt8(at + 1);
      need(body, itemEnd, 'source description');
      if (item === CNAME) chunk.cname = body.toString('utf8', at + 2, itemEnd);
      at = itemEnd;
    }
    at = (at | 3) + 1; // the terminating zeros reach to the next 32 bit boundary
    chunks.push(chunk);
  }
  return chunks;
}

function need(body: Buffer, length: number, what: string): void {
  if (body.length < length) throw new RtspError('protocol', `RTCP: ${what} is truncated`);
}
