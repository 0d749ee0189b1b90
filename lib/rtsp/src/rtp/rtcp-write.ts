import { NTP_OFFSET, type ReportBlock, RTCP_TYPE } from './rtcp.ts';

export interface SenderReportInput {
  ssrc: number;
  /** Name that stays the same over restarts, at most 255 bytes (RFC 3550 6.5.1). */
  cname: string;
  /** Wall clock, ms since the Unix epoch. */
  wallMs: number;
  /** The same moment in the track's clock. */
  rtpTimestamp: number;
  /** Sent so far. */
  packets: number;
  /** Payload bytes sent so far. */
  octets: number;
}

/** A compound RTCP packet of a sender: SR (RFC 3550 6.4.1) and SDES. */
export function buildSenderReport(input: SenderReportInput): Buffer {
  const report = Buffer.alloc(28);
  writeHeader(report, RTCP_TYPE.senderReport, 0);
  report.writeUInt32BE(input.ssrc >>> 0, 4);
  const seconds = Math.floor(input.wallMs / 1000);
  // The NTP era wraps in 2036 (RFC 5905 6).
  report.writeUInt32BE((seconds + NTP_OFFSET) >>> 0, 8);
  report.writeUInt32BE(Math.floor(((input.wallMs - seconds * 1000) / 1000) * 2 ** 32) >>> 0, 12);
  report.writeUInt32BE(input.rtpTimestamp >>> 0, 16);
  report.writeUInt32BE(input.packets >>> 0, 20);
  report.writeUInt32BE(input.octets >>> 0, 24);
  return Buffer.concat([report, sourceDescription(input.ssrc, input.cname)]);
}

/** A compound RTCP packet of a receiver: RR (RFC 3550 6.4.2) and SDES. At most 31 blocks. */
export function buildReceiverReport(ssrc: number, cname: string, blocks: readonly ReportBlock[]): Buffer {
  const report = Buffer.alloc(8 + blocks.length * 24);
  writeHeader(report, RTCP_TYPE.receiverReport, blocks.length);
  report.writeUInt32BE(ssrc >>> 0, 4);
  for (const [i, block] of blocks.entries()) {
    const at = 8 + i * 24;
    report.writeUInt32BE(block.ssrc >>> 0, at);
    report.writeUInt8(block.fractionLost, at + 4);
    report.writeIntBE(block.cumulativeLost, at + 5, 3);
    report.writeUInt32BE(block.highestSequence >>> 0, at + 8);
    report.writeUInt32BE(block.jitter >>> 0, at + 12);
    report.writeUInt32BE(block.lastSenderReport >>> 0, at + 16);
    report.writeUInt32BE(block.delaySinceLastSenderReport >>> 0, at + 20);
  }
  return Buffer.concat([report, sourceDescription(ssrc, cname)]);
}

/** BYE, RFC 3550 6.6. */
export function buildGoodbye(ssrc: number): Buffer {
  const packet = Buffer.alloc(8);
  writeHeader(packet, RTCP_TYPE.goodbye, 1);
  packet.writeUInt32BE(ssrc >>> 0, 4);
  return packet;
}

function sourceDescription(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname, 'utf8').subarray(0, 255);
  // One zero at least ends the item list; more fill up to 32 bit.
  const packet = Buffer.alloc((4 + 4 + 2 + name.length + 4) & ~3);
  writeHeader(packet, RTCP_TYPE.sourceDescription, 1);
  packet.writeUInt32BE(ssrc >>> 0, 4);
  packet.writeUInt8(1, 8); // CNAME
  packet.writeUInt8(name.length, 9);
  name.copy(packet, 10);
  return packet;
}

function writeHeader(packet: Buffer, type: number, count: number): void {
  packet.writeUInt8(0x80 | count, 0);
  packet.writeUInt8(type, 1);
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}
