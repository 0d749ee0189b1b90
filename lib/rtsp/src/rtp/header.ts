import { byteAt, uint16At, uint32At } from './byte.ts';

/** Fixed part of the RTP header, bytes (RFC 3550 5.1). */
export const RTP_HEADER_LENGTH = 12;

/** A reusable view of one packet's header; filled by {@link readRtpHeader}. */
export class RtpHeader {
  marker = false;
  payloadType = 0;
  sequenceNumber = 0;
  /** 32 bit, units of the track's clock. */
  timestamp = 0;
  ssrc = 0;
  /** The payload without CSRCs, extension and padding: `buf[payloadStart, payloadEnd)`. May be empty. */
  payloadStart = 0;
  payloadEnd = 0;
}

/**
 * Reads the RTP header (RFC 3550 5.1) of `buf[start, end)` into `out`, without allocating.
 *
 * @returns false, with `out` undefined in content, when it is no RTP version 2 packet or when its CSRC list,
 * extension or padding is longer than the packet.
 */
export function readRtpHeader(buf: Uint8Array, start: number, end: number, out: RtpHeader): boolean {
  if (end > buf.length || end - start < RTP_HEADER_LENGTH) return false;
  const first = byteAt(buf, start);
  if (first >> 6 !== 2) return false;
  const second = byteAt(buf, start + 1);
  out.marker = second >= 0x80;
  out.payloadType = second & 0x7f;
  out.sequenceNumber = uint16At(buf, start + 2);
  out.timestamp = uint32At(buf, start + 4);
  out.ssrc = uint32At(buf, start + 8);

  let payloadStart = start + RTP_HEADER_LENGTH + (first & 0x0f) * 4;
  let payloadEnd = end;
  if (first & 0x10) {
    if (payloadStart + 4 > end) return false;
    payloadStart += 4 + uint16At(buf, payloadStart + 2) * 4;
  }
  if (first & 0x20) {
    const padding = byteAt(buf, end - 1);
    if (padding === 0) return false;
    payloadEnd -= padding;
  }
  if (payloadStart > payloadEnd) return false;
  out.payloadStart = payloadStart;
  out.payloadEnd = payloadEnd;
  return true;
}
