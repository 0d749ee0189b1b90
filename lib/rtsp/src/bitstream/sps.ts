import { RtspError, type VideoCodec } from '../types.ts';
import { parseSpsH264 } from './sps-h264.ts';
import { parseSpsH265 } from './sps-h265.ts';

/** What a sequence parameter set says about the picture. */
export interface Sps {
  /** Luma samples, after cropping. */
  width: number;
  height: number;
  /** profile_idc (H.264 annex A) or general_profile_idc (H.265 annex A). */
  profile: number;
  /** Level as people write it: 4.1 for H.264 level_idc 41 and H.265 general_level_idc 123. */
  level: number;
}

/**
 * Reads size, profile and level from a sequence parameter set, `nal` without start code (H.264 7.3.2.1.1,
 * H.265 7.3.2.2.1).
 *
 * @throws RtspError `protocol` when it is no valid SPS, `limit` when the picture is larger than level 6.2
 * allows, `unsupported` for an SPS of a layer other than the base.
 */
export function parseSps(codec: VideoCodec, nal: Buffer): Sps {
  const sps = codec === 'h264' ? parseSpsH264(nal) : parseSpsH265(nal);
  if (sps.width <= 0 || sps.height <= 0) throw new RtspError('protocol', 'SPS: cropping leaves no picture');
  return sps;
}
