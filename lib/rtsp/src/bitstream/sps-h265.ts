import { RtspError } from '../types.ts';
import { BitReader } from './bit-reader.ts';
import { removeEmulationPrevention } from './emulation.ts';
import { H265_NAL, nalType } from './nal.ts';
import type { Sps } from './sps.ts';
import { checkPictureSize, SPS_BYTES } from './sps-limits.ts';

/**
 * seq_parameter_set_rbsp up to the conformance window, ITU-T H.265 7.3.2.2.1. Called through `parseSps`.
 * Scaling lists and reference picture sets come later and are not read at all.
 */
export function parseSpsH265(nal: Buffer): Sps {
  if (nalType('h265', nal) !== H265_NAL.sps) throw new RtspError('protocol', 'not an H.265 SPS');
  const bits = new BitReader(removeEmulationPrevention(nal.subarray(0, SPS_BYTES)), 'H.265 SPS');
  bits.skip(7);
  if (bits.bits(6) !== 0) throw new RtspError('unsupported', 'H.265 SPS of an enhancement layer');
  bits.skip(3); // nuh_temporal_id_plus1
  bits.skip(4); // sps_video_parameter_set_id
  const maxSubLayersMinus1 = bits.bits(3);
  if (maxSubLayersMinus1 > 6) throw new RtspError('protocol', 'H.265 SPS: sps_max_sub_layers_minus1 is 7');
  bits.skip(1); // sps_temporal_id_nesting_flag
  const { profile, level } = profileTierLevel(bits, maxSubLayersMinus1);

  bits.ue('sps_seq_parameter_set_id', 15);
  const chromaFormat = bits.ue('chroma_format_idc', 3);
  if (chromaFormat === 3) bits.skip(1); // separate_colour_plane_flag
  let width = bits.ue('pic_width_in_luma_samples');
  let height = bits.ue('pic_height_in_luma_samples');
  checkPictureSize(width, height);
  if (bits.flag()) {
    const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
    const unitY = chromaFormat === 1 ? 2 : 1;
    width -= unitX * (bits.ue('conf_win_left_offset') + bits.ue('conf_win_right_offset'));
    height -= unitY * (bits.ue('conf_win_top_offset') + bits.ue('conf_win_bottom_offset'));
  }
  return { width, height, profile, level };
}

/** profile_tier_level(1, maxSubLayersMinus1), 7.3.3. */
function profileTierLevel(bits: BitReader, maxSubLayersMinus1: number): { profile: number; level: number } {
  bits.skip(3); // general_profile_space, general_tier_flag
  const profile = bits.bits(5);
  bits.skip(32 + 4 + 43 + 1); // compatibility and constraint flags
  const level = bits.bits(8) / 30;
  const present: { profile: boolean; level: boolean }[] = [];
  for (let i = 0; i < maxSubLayersMinus1; i++) present.push({ profile: bits.flag(), level: bits.flag() });
  if (maxSubLayersMinus1 > 0) bits.skip(2 * (8 - maxSubLayersMinus1)); // reserved_zero_2bits
  for (const subLayer of present) {
    if (subLayer.profile) bits.skip(88);
    if (subLayer.level) bits.skip(8);
  }
  return { profile, level };
}
