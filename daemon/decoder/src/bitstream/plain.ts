import { joinNalUnits, splitNalUnits } from './annexb.ts';
import { BitstreamError } from './bits.ts';
import { plainH264 } from './h264.ts';
import { plainH265 } from './h265.ts';

export type Codec = 'h264' | 'h265';

/** One picture that a decoder shared between cameras may see. */
export interface PlainPicture {
  width: number;
  height: number;
  /** NAL units: parameter sets, then the slices of one intra picture, nothing else. */
  units: Buffer[];
}

/** Smaller pictures could be taken for the fence; larger ones are no camera's. */
const MIN_SIDE = 32;
const MAX_SIDE = 8192;
const MAX_PIXELS = 8192 * 4608;

/**
 * Checks that an access unit is one plain intra picture and rewrites it so that a decoder gives it out at once.
 * Everything that could make a decoder give out two pictures, none, or one later is refused here: more than one
 * picture, fields, inter slices, other layers, reordering. `undefined`: decode it in a process of its own.
 */
export function plainAccessUnit(
  codec: Codec,
  accessUnit: Buffer,
): { width: number; height: number; annexB: Buffer } | undefined {
  const units = splitNalUnits(accessUnit);
  if (units === undefined) return undefined;
  try {
    const picture = codec === 'h264' ? plainH264(units) : plainH265(units);
    if (picture === undefined) return undefined;
    const { width, height } = picture;
    if (!(Math.min(width, height) >= MIN_SIDE && Math.max(width, height) <= MAX_SIDE)) return undefined;
    if (width * height > MAX_PIXELS) return undefined;
    return { width, height, annexB: joinNalUnits(picture.units) };
  } catch (error) {
    if (error instanceof BitstreamError) return undefined;
    throw error;
  }
}
