import { joinNalUnits, nalUnit } from './bitstream/annexb.ts';
import { BitWriter } from './bitstream/bits.ts';
import type { Codec } from './bitstream/plain.ts';

/** Y, Cb, Cr of a flat picture. */
export type Colour = readonly [number, number, number];

const SIDE = 16;

/**
 * A picture of our own, 16×16 pixels of one colour, that follows each camera picture through a warm decoder.
 * It pushes the camera's picture out of the parser and the reorder buffer; when it comes out itself, nothing of
 * that camera is left inside; and its other size makes the decoder drop its frame buffers, so that pixels a
 * hostile picture leaves unwritten show zeros and not the camera before. The samples are I_PCM, so any colour
 * can be written without an encoder.
 *
 * Ends with an access unit delimiter: parsers take a picture as complete once they see the start of the next.
 */
export function fence(codec: Codec, colour: Colour): Buffer {
  return codec === 'h264' ? fenceH264(colour) : fenceH265(colour);
}

function samples([y, cb, cr]: Colour): Buffer {
  return Buffer.concat([
    Buffer.alloc(SIDE * SIDE, y),
    Buffer.alloc((SIDE * SIDE) / 4, cb),
    Buffer.alloc((SIDE * SIDE) / 4, cr),
  ]);
}

/** ISO/IEC 14496-10 7.3: constrained baseline, picture order count type 2 (output order is decoding order). */
function fenceH264(colour: Colour): Buffer {
  const sps = new BitWriter()
    .bytes([66, 0xc0, 10])
    .ue(0) // seq_parameter_set_id
    .ue(0) // log2_max_frame_num_minus4
    .ue(2) // pic_order_cnt_type
    .ue(0) // max_num_ref_frames
    .u(0, 1)
    .ue(SIDE / 16 - 1)
    .ue(SIDE / 16 - 1)
    .u(1, 1) // frame_mbs_only_flag
    .u(0, 2) // direct_8x8_inference, cropping
    .u(1, 1) // VUI: ffmpeg keeps the range and the colours it was told last, so the fence tells them again
    .u(0, 2) // aspect ratio, overscan
    .u(1, 1)
    .u(5, 3) // video_format: unspecified
    .u(0, 1) // video_full_range_flag
    .u(1, 1)
    .bytes([2, 2, 2]) // colour primaries, transfer, matrix: unspecified
    .u(0, 6) // chroma location, timing, HRDs, pic_struct, restrictions
    .finish();
  const pps = new BitWriter().ue(0).ue(0).u(0, 2).ue(0).ue(0).ue(0).u(0, 3).ue(0).ue(0).ue(0).u(0b100, 3);
  const slice = new BitWriter()
    .ue(0) // first_mb_in_slice
    .ue(7) // slice_type: I, all of them
    .ue(0)
    .u(0, 4) // frame_num
    .ue(0) // idr_pic_id
    .u(0, 2) // no_output_of_prior_pics, long_term_reference
    .ue(0) // slice_qp_delta
    .ue(1) // disable_deblocking_filter_idc
    .ue(25) // mb_type: I_PCM
    .align()
    .bytes(samples(colour));
  const delimiter = Buffer.from([9, 0xf0]);
  return joinNalUnits([
    nalUnit([0x67], sps),
    nalUnit([0x68], pps.finish()),
    nalUnit([0x65], slice.finish()),
    delimiter,
  ]);
}

/**
 * ISO/IEC 23008-2 7.3: Main profile, one coding tree unit holding one PCM coding unit.
 * CABAC before and after the samples is constant (9.3.4.3): part_mode 2Nx2N in its initial state at QP 26 and
 * pcm_flag make 1000 0110 1, end_of_slice_segment_flag makes 1111 1110 1; its last bit is the stop bit.
 */
function fenceH265(colour: Colour): Buffer {
  const profileTierLevel = (w: BitWriter) =>
    w.u(1, 8).u(0x60000000, 32).u(0b1001, 4).u(0, 22).u(0, 22).u(30, 8);
  const vps = profileTierLevel(new BitWriter().u(0b0000_11_000000_000_1, 16).u(0xffff, 16))
    .u(1, 1)
    .ue(0)
    .ue(0)
    .ue(0)
    .u(0, 6)
    .ue(0)
    .u(0, 2)
    .finish();
  const sps = profileTierLevel(new BitWriter().u(1, 8))
    .ue(0) // sps_seq_parameter_set_id
    .ue(1) // chroma_format_idc 4:2:0
    .ue(SIDE)
    .ue(SIDE)
    .u(0, 1) // conformance_window_flag
    .ue(0)
    .ue(0)
    .ue(0) // log2_max_pic_order_cnt_lsb_minus4
    .u(1, 1)
    .ue(0) // sps_max_dec_pic_buffering_minus1
    .ue(0) // sps_max_num_reorder_pics
    .ue(0)
    .ue(1) // smallest coding block: 16
    .ue(0) // largest: 16
    .ue(0)
    .ue(2) // transform blocks: 4 to 16
    .ue(0)
    .ue(0)
    .u(0, 3)
    .u(1, 1) // pcm_enabled_flag
    .u(7, 4)
    .u(7, 4)
    .ue(1) // PCM blocks: 16
    .ue(0)
    .u(1, 1) // pcm_loop_filter_disabled_flag
    .ue(0)
    .u(0, 5)
    .finish();
  const pps = new BitWriter()
    .ue(0)
    .ue(0)
    .u(0, 7)
    .ue(0)
    .ue(0)
    .ue(0) // init_qp_minus26
    .u(0, 3)
    .ue(0)
    .ue(0)
    .u(0, 7)
    .u(0b101, 3) // deblocking_filter_control_present, no override, disabled
    .u(0, 2)
    .ue(0)
    .u(0, 2)
    .finish();
  const slice = new BitWriter()
    .u(0b10, 2) // first_slice_segment_in_pic, no_output_of_prior_pics
    .ue(0)
    .ue(2) // slice_type I
    .ue(0) // slice_qp_delta
    .u(1, 1)
    .align()
    .bytes([0x86, 0x80])
    .bytes(samples(colour))
    .bytes([0xfe, 0x80])
    .toBytes();
  const delimiter = Buffer.from([35 << 1, 1, 0x50]);
  return joinNalUnits([
    nalUnit([32 << 1, 1], vps),
    nalUnit([33 << 1, 1], sps),
    nalUnit([34 << 1, 1], pps),
    nalUnit([19 << 1, 1], slice),
    delimiter,
  ]);
}
