/**
 * Takes emulation prevention bytes out: NAL unit to raw byte sequence payload (H.264 7.3.1, H.265 7.3.1.1).
 * Returns `nal` itself when there are none.
 */
export function removeEmulationPrevention(nal: Buffer): Buffer {
  let from = nal.indexOf(PREVENTED);
  if (from < 0) return nal;
  const out = Buffer.allocUnsafe(nal.length);
  let written = 0;
  let read = 0;
  while (from >= 0) {
    written += nal.copy(out, written, read, from + 2);
    read = from + PREVENTED.length;
    from = nal.indexOf(PREVENTED, read);
  }
  written += nal.copy(out, written, read);
  return out.subarray(0, written);
}

/** Puts emulation prevention bytes in (H.264 7.4.1, H.265 7.4.2): the result holds no start code. */
export function addEmulationPrevention(rbsp: Uint8Array): Buffer {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of rbsp) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  if (zeros > 0) out.push(3);
  return Buffer.from(out);
}

const PREVENTED = Buffer.from([0, 0, 3]);
