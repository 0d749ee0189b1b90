import { byteAt } from './byte.ts';
import { depacketizeAggregate } from './payload-h264.ts';
import type { Picture } from './picture.ts';

/** RFC 7798 4.4. */
export const AP = 48;
export const FU = 49;

/**
 * Takes one payload of RFC 7798 apart: single NAL unit (4.4.1), AP (4.4.2), FU (4.4.3), all without DONL.
 * PACI (4.4.4) and reserved types count as malformed.
 */
export function depacketizeH265(picture: Picture, buf: Buffer, start: number, end: number): void {
  const first = byteAt(buf, start);
  const type = (first >> 1) & 0x3f;
  if (type === FU) {
    if (end - start < 4) {
      picture.malformed();
      return;
    }
    const fuHeader = byteAt(buf, start + 2);
    const header = ((first & 0x81) << 8) | ((fuHeader & 0x3f) << 9) | byteAt(buf, start + 1);
    picture.fragment(buf, start + 3, end, header, fuHeader >= 0x80, (fuHeader & 0x40) !== 0);
  } else if (type === AP) {
    depacketizeAggregate(picture, buf, start + 2, end);
  } else if (type > AP) {
    picture.malformed();
  } else {
    picture.nalUnit(buf, start, end);
  }
}
