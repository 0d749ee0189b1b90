/** How far `to` lies ahead of `from`, -32768 to 32767: sequence numbers wrap at 16 bit. */
export function sequenceDelta(from: number, to: number): number {
  return ((to - from) << 16) >> 16;
}

/** How far `to` lies ahead of `from`, -2^31 to 2^31 - 1: RTP timestamps wrap at 32 bit. */
export function timestampDelta(from: number, to: number): number {
  return (to - from) | 0;
}

/** A sequence number this far ahead may still be loss (RFC 3550 A.1, MAX_DROPOUT). */
export const MAX_DROPOUT = 3000;
/** A sequence number this far back may still be a late packet (RFC 3550 A.1, MAX_MISORDER). */
export const MAX_MISORDER = 100;
