import { MAX_SPS_BYTES, nalUnit, unescapeRbsp } from './annexb.ts';
import { BitReader, BitstreamError, BitWriter } from './bits.ts';
import type { PlainPicture } from './plain.ts';

const VPS = 32;
const SPS = 33;
const PPS = 34;
/** AUD, end of sequence, end of bitstream, filler, SEI: no pixels depend on them. */
const DROPPED = new Set([35, 36, 37, 38, 39, 40]);
/** End of sequence: makes a decoder take the picture behind it as the first there is (ISO/IEC 23008-2 8.1.3). */
const END_OF_SEQUENCE = Buffer.from([36 << 1, 1]);

/**
 * An IRAP access unit with nothing in it but its parameter sets (one SPS) and one picture's slice segments.
 * `undefined` when it is anything else: it may be a fine picture, but not one for a shared decoder.
 *
 * @throws BitstreamError when a header cannot be read.
 */
export function plainH265(units: readonly Buffer[]): PlainPicture | undefined {
  let sps: Buffer | undefined;
  const others: Buffer[] = [];
  const slices: Buffer[] = [];
  for (const unit of units) {
    const header = unit.length < 2 ? 0xffff : unit.readUInt16BE(0);
    const type = (header >> 9) & 63;
    if (DROPPED.has(type)) continue;
    // Nothing but a header, the forbidden bit, or another layer than the base layer.
    if (unit.length < 3 || (header & 0x81f8) !== 0) return undefined;
    if (type >= 16 && type <= 21) {
      const first = slices[0];
      const opensPicture = ((unit[2] ?? 0) & 0x80) !== 0;
      if (opensPicture !== (first === undefined)) return undefined;
      if (first !== undefined && first[0] !== unit[0]) return undefined;
      slices.push(unit);
    } else if (slices.length > 0) {
      return undefined;
    } else if (type === SPS) {
      if (sps !== undefined && !sps.equals(unit)) return undefined;
      sps = unit;
    } else if (type === VPS || type === PPS) {
      others.push(unit);
    } else {
      return undefined;
    }
  }
  if (sps === undefined || sps.length > MAX_SPS_BYTES || slices.length === 0) return undefined;
  const vps = others.filter((unit) => (unit[0] ?? 0) >> 1 === VPS);
  const pps = others.filter((unit) => (unit[0] ?? 0) >> 1 === PPS);
  if (vps.length === 0 || pps.length === 0) return undefined;
  const { width, height, unordered } = parseSps(sps);
  return { width, height, units: [END_OF_SEQUENCE, ...vps, unordered, ...pps, ...slices] };
}

/** Size (ISO/IEC 23008-2 7.3.2.2), and the same SPS with sps_max_num_reorder_pics and its latency set to 0. */
function parseSps(unit: Buffer): { width: number; height: number; unordered: Buffer } {
  const rbsp = unescapeRbsp(unit, 2);
  const r = new BitReader(rbsp);
  r.skip(4);
  const subLayers = r.u(3);
  r.skip(1);
  skipProfileTierLevel(r, subLayers);
  r.ue();
  const chromaFormat = r.ue();
  if (chromaFormat === 3) r.skip(1);
  const codedWidth = r.ue();
  const codedHeight = r.ue();
  const [left = 0, right = 0, top = 0, bottom = 0] = r.flag() ? [r.ue(), r.ue(), r.ue(), r.ue()] : [];
  r.ue();
  r.ue();
  r.ue();
  const everyLayer = r.flag();
  const out = new BitWriter().copy(rbsp, 0, r.position);
  for (let i = everyLayer ? 0 : subLayers; i <= subLayers; i++) {
    const buffering = r.ue();
    if (buffering > 15) throw new BitstreamError('sps_max_dec_pic_buffering_minus1 is above 15');
    r.ue();
    r.ue();
    out.ue(buffering).ue(0).ue(0);
  }
  // The stop bit is the last one bit there is; what follows it is alignment.
  let end = rbsp.length * 8;
  while (end > r.position && (((rbsp[(end - 1) >> 3] ?? 0) >> (7 - ((end - 1) & 7))) & 1) === 0) end--;
  out.copy(rbsp, r.position, end - 1);
  const unitX = chromaFormat === 1 || chromaFormat === 2 ? 2 : 1;
  const unitY = chromaFormat === 1 ? 2 : 1;
  return {
    width: codedWidth - unitX * (left + right),
    height: codedHeight - unitY * (top + bottom),
    unordered: nalUnit([...unit.subarray(0, 2)], out.finish()),
  };
}

function skipProfileTierLevel(r: BitReader, subLayers: number): void {
  r.skip(96);
  const profile: boolean[] = [];
  const level: boolean[] = [];
  for (let i = 0; i < subLayers; i++) {
    profile.push(r.flag());
    level.push(r.flag());
  }
  if (subLayers > 0) r.skip(2 * (8 - subLayers));
  for (let i = 0; i < subLayers; i++) r.skip((profile[i] ? 88 : 0) + (level[i] ? 8 : 0));
}
