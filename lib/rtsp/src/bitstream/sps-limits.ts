import { RtspError } from '../types.ts';

/**
 * Bytes of an SPS that are looked at: the longest that holds what we read (12 scaling lists and 255 reference
 * offsets, each in its longest code) stays below this.
 */
export const SPS_BYTES = 8192;

/** MaxLumaPs of level 6.2 (H.265 table A.8), and MaxFS × 256 of the same H.264 level: 8K and a little. */
const MAX_LUMA_SAMPLES = 35_651_584;
/** Sqrt(8 × MaxLumaPs), the longest side that level allows (H.265 A.4.1). */
const MAX_SIDE = 16_888;

/** @throws RtspError `limit` for a picture that no decoder of ours should be asked to make room for. */
export function checkPictureSize(width: number, height: number): void {
  if (width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_LUMA_SAMPLES) {
    throw new RtspError('limit', `SPS: a picture of ${width} × ${height} is larger than level 6.2 allows`);
  }
}
