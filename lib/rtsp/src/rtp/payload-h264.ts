import { byteAt, uint16At } from './byte.ts';
import type { Picture } from './picture.ts';

/** RFC 6184 table 1. */
export const STAP_A = 24;
export const FU_A = 28;

/**
 * Takes one payload of RFC 6184 apart: single NAL unit (5.6), STAP-A (5.7.1), FU-A (5.8). The interleaved kinds
 * (STAP-B, MTAP, FU-B) are never used by a camera in packetization-mode 0 or 1 and count as malformed.
 */
export function depacketizeH264(picture: Picture, buf: Buffer, start: number, end: number): void {
  const indicator = byteAt(buf, start);
  const type = indicator & 0x1f;
  if (type === FU_A) {
    if (end - start < 3) {
      picture.malformed();
      return;
    }
    const fuHeader = byteAt(buf, start + 1);
    const header = (indicator & 0xe0) | (fuHeader & 0x1f);
    picture.fragment(buf, start + 2, end, header, fuHeader >= 0x80, (fuHeader & 0x40) !== 0);
  } else if (type === STAP_A) {
    depacketizeAggregate(picture, buf, start + 1, end);
  } else if (type > STAP_A) {
    picture.malformed();
  } else {
    picture.nalUnit(buf, start, end);
  }
}

/** The part that STAP-A (RFC 6184 5.7.1) and AP (RFC 7798 4.4.2) have in common: 16 bit size, NAL unit, again. */
export function depacketizeAggregate(picture: Picture, buf: Buffer, start: number, end: number): void {
  let at = start;
  while (at < end) {
    const size = uint16At(buf, at);
    at += 2;
    if (at + size > end) {
      picture.malformed();
      return;
    }
    picture.nalUnit(buf, at, at + size);
    at += size;
  }
}
