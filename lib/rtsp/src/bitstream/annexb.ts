const START_CODE = Buffer.from([0, 0, 0, 1]);
const START_CODE_TAIL = START_CODE.subarray(1);

/**
 * Splits a byte stream (H.264 and H.265 annex B) into NAL units without start codes.
 *
 * The results are views into `stream`. Bytes before the first start code, zero bytes after a NAL unit
 * and empty NAL units are left out.
 */
export function splitAnnexB(stream: Buffer): Buffer[] {
  const nalUnits: Buffer[] = [];
  let code = stream.indexOf(START_CODE_TAIL);
  while (code >= 0) {
    const start = code + START_CODE_TAIL.length;
    code = stream.indexOf(START_CODE_TAIL, start);
    let end = code < 0 ? stream.length : code;
    // A NAL unit never ends in a zero byte (7.4.1): these are trailing_zero_8bits or the next start code's.
    while (end > start && stream[end - 1] === 0) end--;
    if (end > start) nalUnits.push(stream.subarray(start, end));
  }
  return nalUnits;
}

/** One byte stream with four-byte start codes; the opposite of {@link splitAnnexB}. Copies. */
export function joinAnnexB(nalUnits: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const nal of nalUnits) parts.push(START_CODE, nal);
  return Buffer.concat(parts);
}
