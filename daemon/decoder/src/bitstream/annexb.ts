const START_CODE = Buffer.from([0, 0, 1]);
const LONG_START_CODE = Buffer.from([0, 0, 0, 1]);

/** Sequence parameter sets are a few dozen bytes; scaling lists make them a few hundred. */
export const MAX_SPS_BYTES = 4096;

/** More NAL units than any camera puts into one picture. */
const MAX_NAL_UNITS = 4096;

/**
 * NAL units of an Annex B byte stream (ISO/IEC 14496-10 B.1), as views, without start codes and trailing zeros.
 * Bytes before the first start code are no NAL unit. `undefined` when there are more than 4096.
 */
export function splitNalUnits(stream: Buffer): Buffer[] | undefined {
  const units: Buffer[] = [];
  let start = stream.indexOf(START_CODE);
  while (start >= 0) {
    const next = stream.indexOf(START_CODE, start + 3);
    let end = next < 0 ? stream.length : next;
    while (end > start + 3 && stream[end - 1] === 0) end--;
    if (end > start + 3) units.push(stream.subarray(start + 3, end));
    if (units.length > MAX_NAL_UNITS) return undefined;
    start = next;
  }
  return units;
}

export function joinNalUnits(units: readonly Buffer[]): Buffer {
  return Buffer.concat(units.flatMap((unit) => [LONG_START_CODE, unit]));
}

/** The RBSP behind a NAL unit header, at most `limit` bytes of it: 00 00 03 becomes 00 00. */
export function unescapeRbsp(unit: Buffer, headerBytes: number, limit = MAX_SPS_BYTES): Buffer {
  const out = Buffer.alloc(Math.min(limit, unit.length));
  let length = 0;
  let zeros = 0;
  for (let i = headerBytes; i < unit.length && length < limit; i++) {
    const byte = unit[i] ?? 0;
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    out[length++] = byte;
  }
  return out.subarray(0, length);
}

/** A NAL unit from its header and RBSP, emulation prevention added. */
export function nalUnit(header: readonly number[], rbsp: Uint8Array): Buffer {
  const out: number[] = [...header];
  let zeros = 0;
  for (const byte of rbsp) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Buffer.from(out);
}
