import { readFileSync } from 'node:fs';

/** A second of a 4K camera at 16 Mbit/s, with what the kernel adds to each packet. */
const WANTED = 4 << 20;

/**
 * Bytes of receive buffer to ask for per UDP socket: Linux's default, 208 KiB, overflows when a busy machine lets
 * MediaMTX wait for half a second. MediaMTX refuses a camera whose socket gets less than it asked for, so never more
 * than this machine allows. 0, its default, where that cannot be told.
 *
 * @param limitFile holds the kernel's limit (socket(7), rmem_max).
 */
export function udpBufferBytes(limitFile = '/proc/sys/net/core/rmem_max'): number {
  try {
    const limit = Number(readFileSync(limitFile, 'utf8'));
    return Number.isSafeInteger(limit) ? Math.min(WANTED, limit) : 0;
  } catch {
    return 0;
  }
}
