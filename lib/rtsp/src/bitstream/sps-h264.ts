import { RtspError } from '../types.ts';
import { BitReader } from './bit-reader.ts';
import { removeEmulationPrevention } from './emulation.ts';
import { H264_NAL, nalType } from './nal.ts';
import type { Sps } from './sps.ts';
import { checkPictureSize, SPS_BYTES } from './sps-limits.ts';

/** Profiles whose SPS carries chroma format, bit depth and scaling lists (7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

/** seq_parameter_set_data, ITU-T H.264 7.3.2.1.1. Called through `parseSps`. */
export function parseSpsH264(nal: Buffer): Sps {
  if (nalType('h264', nal) !== H264_NAL.sps) throw new RtspError('protocol', 'not an H.264 SPS');
  const bits = new BitReader(removeEmulationPrevention(nal.subarray(0, SPS_BYTES)), 'H.264 SPS', 1);
  const profile = bits.bits(8);
  bits.skip(8); // constraint_set flags
  const level = bits.bits(8) / 10;
  bits.ue('seq_parameter_set_id', 31);

  // 4:2:0, unless a high profile says otherwise.
  let chromaArrayType = 1;
  if (HIGH_PROFILES.has(profile)) chromaArrayType = chromaAndScaling(bits);

  bits.ue('log2_max_frame_num_minus4', 12);
  pictureOrderCount(bits);
  bits.ue('max_num_ref_frames', 16);
  bits.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthInMbs = bits.ue('pic_width_in_mbs_minus1') + 1;
  const heightInMapUnits = bits.ue('pic_height_in_map_units_minus1') + 1;
  // An interlaced frame is two fields high.
  const frameMbsOnly = bits.bit();
  const codedWidth = widthInMbs * 16;
  const codedHeight = (2 - frameMbsOnly) * heightInMapUnits * 16;
  checkPictureSize(codedWidth, codedHeight);
  if (frameMbsOnly === 0) bits.skip(1); // mb_adaptive_frame_field_flag
  bits.skip(1); // direct_8x8_inference_flag

  let width = codedWidth;
  let height = codedHeight;
  if (bits.flag()) {
    const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
    const unitY = (chromaArrayType === 1 ? 2 : 1) * (2 - frameMbsOnly);
    width -= unitX * (bits.ue('frame_crop_left_offset') + bits.ue('frame_crop_right_offset'));
    height -= unitY * (bits.ue('frame_crop_top_offset') + bits.ue('frame_crop_bottom_offset'));
  }
  return { width, height, profile, level };
}

/** Returns ChromaArrayType. */
function chromaAndScaling(bits: BitReader): number {
  const chromaFormat = bits.ue('chroma_format_idc', 3);
  const separatePlanes = chromaFormat === 3 && bits.flag();
  bits.ue('bit_depth_luma_minus8', 6);
  bits.ue('bit_depth_chroma_minus8', 6);
  bits.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) {
    const lists = chromaFormat === 3 ? 12 : 8;
    for (let i = 0; i < lists; i++) {
      if (bits.flag()) skipScalingList(bits, i < 6 ? 16 : 64);
    }
  }
  return separatePlanes ? 0 : chromaFormat;
}

/** scaling_list, 7.3.2.1.1.1. */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let i = 0; i < size; i++) {
    const delta = bits.se('delta_scale');
    if (delta < -128 || delta > 127) throw new RtspError('protocol', `H.264 SPS: delta_scale is ${delta}`);
    const next = (last + delta + 256) % 256;
    if (next === 0) return; // the rest repeats the last value and is not sent
    last = next;
  }
}

function pictureOrderCount(bits: BitReader): void {
  const type = bits.ue('pic_order_cnt_type', 2);
  if (type === 0) bits.ue('log2_max_pic_order_cnt_lsb_minus4', 12);
  if (type !== 1) return;
  bits.skip(1); // delta_pic_order_always_zero_flag
  bits.se('offset_for_non_ref_pic');
  bits.se('offset_for_top_to_bottom_field');
  const offsets = bits.ue('num_ref_frames_in_pic_order_cnt_cycle', 255);
  for (let i = 0; i < offsets; i++) bits.se('offset_for_ref_frame');
}
