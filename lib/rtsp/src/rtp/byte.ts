/** Unsigned byte at `at`, 0 past the end. Compiles to a plain indexed load, unlike `readUInt8`. */
export function byteAt(buf: Uint8Array, at: number): number {
  return buf[at] ?? 0;
}

/** Unsigned 16 bit, network order; missing bytes read as 0. */
export function uint16At(buf: Uint8Array, at: number): number {
  return ((buf[at] ?? 0) << 8) | (buf[at + 1] ?? 0);
}

/** Unsigned 32 bit, network order; missing bytes read as 0. */
export function uint32At(buf: Uint8Array, at: number): number {
  return ((uint16At(buf, at) << 16) | uint16At(buf, at + 2)) >>> 0;
}
