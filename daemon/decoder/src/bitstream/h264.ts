import { MAX_SPS_BYTES, nalUnit, unescapeRbsp } from './annexb.ts';
import { BitReader, BitstreamError, BitWriter } from './bits.ts';
import type { PlainPicture } from './plain.ts';

/** Profiles whose SPS carries chroma format, bit depths and scaling matrices (ISO/IEC 14496-10 7.3.2.1.1). */
const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const EXTENDED_SAR = 255;
const SLICE_TYPES_I = new Set([2, 7]);

interface Sps {
  width: number;
  height: number;
  /** The same SPS without bitstream restrictions: nothing in it tells a decoder to hold pictures back. */
  unordered: Buffer;
}

/**
 * An IDR access unit with nothing in it but one SPS, its PPSs and one frame's I slices in order.
 * `undefined` when it is anything else: it may be a fine picture, but not one for a shared decoder.
 *
 * @throws BitstreamError when a header cannot be read.
 */
export function plainH264(units: readonly Buffer[]): PlainPicture | undefined {
  let sps: Buffer | undefined;
  const pps: Buffer[] = [];
  const slices: Buffer[] = [];
  let nextMacroblock = 0;
  for (const unit of units) {
    const type = (unit[0] ?? 0) & 31;
    if (type === 6 || type === 9 || type === 12) continue; // SEI, AUD, filler: no pixels depend on them
    if (type === 5) {
      const reader = new BitReader(unescapeRbsp(unit, 1, 32));
      const macroblock = reader.ue();
      if (slices.length === 0 ? macroblock !== 0 : macroblock < nextMacroblock) return undefined;
      if (!SLICE_TYPES_I.has(reader.ue())) return undefined;
      nextMacroblock = macroblock + 1;
      slices.push(unit);
    } else if (slices.length > 0) {
      return undefined;
    } else if (type === 7) {
      if (sps !== undefined && !sps.equals(unit)) return undefined;
      sps = unit;
    } else if (type === 8) {
      pps.push(unit);
    } else {
      return undefined;
    }
  }
  if (sps === undefined || sps.length > MAX_SPS_BYTES || pps.length === 0 || slices.length === 0)
    return undefined;
  const parsed = parseSps(sps);
  return (
    parsed && { width: parsed.width, height: parsed.height, units: [parsed.unordered, ...pps, ...slices] }
  );
}

function parseSps(unit: Buffer): Sps | undefined {
  const rbsp = unescapeRbsp(unit, 1);
  const r = new BitReader(rbsp);
  const profile = r.u(8);
  r.skip(16);
  r.ue();
  let chromaFormat = 1;
  if (HIGH_PROFILES.has(profile)) {
    chromaFormat = r.ue();
    if (chromaFormat === 3 && r.flag()) return undefined; // three colour planes coded apart
    r.ue();
    r.ue();
    r.skip(1);
    if (r.flag()) skipScalingMatrix(r, chromaFormat === 3 ? 12 : 8);
  }
  r.ue();
  skipPicOrderCount(r);
  r.ue();
  r.skip(1);
  const widthInMbs = r.ue() + 1;
  const heightInMbs = r.ue() + 1;
  if (!r.flag()) return undefined; // fields: one access unit may hold two pictures
  r.skip(1);
  const crop = r.flag() ? [r.ue(), r.ue(), r.ue(), r.ue()] : [0, 0, 0, 0];
  const [left = 0, right = 0, top = 0, bottom = 0] = crop;
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = chromaFormat === 1 ? 2 : 1;
  let unordered = unit;
  if (r.flag()) {
    skipVuiToRestriction(r);
    const kept = new BitWriter().copy(rbsp, 0, r.position).u(0, 1).finish();
    unordered = nalUnit([unit[0] ?? 0x67], kept);
  }
  return {
    width: widthInMbs * 16 - unitX * (left + right),
    height: heightInMbs * 16 - unitY * (top + bottom),
    unordered,
  };
}

function skipScalingMatrix(r: BitReader, lists: number): void {
  for (let i = 0; i < lists; i++) {
    if (!r.flag()) continue;
    let last = 8;
    let next = 8;
    for (let j = 0; j < (i < 6 ? 16 : 64); j++) {
      if (next !== 0) next = (last + r.se() + 256) % 256;
      if (next !== 0) last = next;
    }
  }
}

function skipPicOrderCount(r: BitReader): void {
  const type = r.ue();
  if (type === 0) {
    r.ue();
  } else if (type === 1) {
    r.skip(1);
    r.se();
    r.se();
    const cycle = r.ue();
    if (cycle > 255) throw new BitstreamError('num_ref_frames_in_pic_order_cnt_cycle is above 255');
    for (let i = 0; i < cycle; i++) r.se();
  }
}

/** vui_parameters() up to, not including, bitstream_restriction_flag (ISO/IEC 14496-10 E.1.1). */
function skipVuiToRestriction(r: BitReader): void {
  if (r.flag() && r.u(8) === EXTENDED_SAR) r.skip(32);
  if (r.flag()) r.skip(1);
  if (r.flag()) {
    r.skip(4);
    if (r.flag()) r.skip(24);
  }
  if (r.flag()) {
    r.ue();
    r.ue();
  }
  if (r.flag()) r.skip(65);
  const nalHrd = r.flag();
  if (nalHrd) skipHrd(r);
  const vclHrd = r.flag();
  if (vclHrd) skipHrd(r);
  if (nalHrd || vclHrd) r.skip(1);
  r.skip(1);
}

function skipHrd(r: BitReader): void {
  const count = r.ue() + 1;
  if (count > 32) throw new BitstreamError('cpb_cnt_minus1 is above 31');
  r.skip(8);
  for (let i = 0; i < count; i++) {
    r.ue();
    r.ue();
    r.skip(1);
  }
  r.skip(20);
}
