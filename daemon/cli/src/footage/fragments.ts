import type { VideoCodec } from '@opennvr/rtsp';
import { type Box, childBoxes, descend, Fields, Fmp4Error } from './boxes.ts';

/** The video track as `moov` describes it. */
export interface VideoTrack {
  id: number;
  codec: VideoCodec;
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  lengthSize: number;
  /** Of `trex`, used where a fragment gives no size. */
  defaultSampleSize: number;
}

/** Where one sample lies in the file. */
export interface SampleRange {
  offset: number;
  size: number;
}

const MAX_SAMPLES = 65_536;
/** Fields of a VisualSampleEntry before its boxes (ISO/IEC 14496-12 12.1.3). */
const VISUAL_SAMPLE_ENTRY = 78;

/** Finds the first video track. @throws Fmp4Error when there is none of H.264 or H.265, or the boxes are broken. */
export function readMovie(moov: Buffer): VideoTrack {
  for (const trak of descend(moov, 0, moov.length, ['trak'])) {
    const handler = descend(moov, trak.body, trak.end, ['mdia', 'hdlr'])[0];
    if (!handler || handlerType(moov, handler) !== 'vide') continue;
    const header = descend(moov, trak.body, trak.end, ['tkhd'])[0];
    const description = descend(moov, trak.body, trak.end, ['mdia', 'minf', 'stbl', 'stsd'])[0];
    if (!header || !description) throw new Fmp4Error('a video track without tkhd or stsd');
    const id = trackId(moov, header);
    return { id, ...readSampleEntry(moov, description), defaultSampleSize: defaultSampleSize(moov, id) };
  }
  throw new Fmp4Error('no video track');
}

function handlerType(moov: Buffer, handler: Box): string {
  const at = new Fields(moov, { body: handler.body + 8, end: handler.end }).skip(4);
  return moov.toString('latin1', at, at + 4);
}

function trackId(moov: Buffer, header: Box): number {
  const fields = new Fields(moov, header);
  const version = fields.uint(1);
  fields.skip(3 + (version === 1 ? 16 : 8));
  return fields.uint(4);
}

function readSampleEntry(moov: Buffer, stsd: Box): Pick<VideoTrack, 'codec' | 'lengthSize'> {
  const entry = childBoxes(moov, stsd.body + 8, stsd.end)[0];
  if (!entry) throw new Fmp4Error('stsd without an entry');
  const config = childBoxes(moov, entry.body + VISUAL_SAMPLE_ENTRY, entry.end).find(
    (box) => box.type === 'avcC' || box.type === 'hvcC',
  );
  if (!config) throw new Fmp4Error('a video track that is neither H.264 nor H.265');
  const codec = config.type === 'avcC' ? 'h264' : 'h265';
  // lengthSizeMinusOne: ISO/IEC 14496-15 5.3.3.1.2 and 8.3.3.1.2.
  const at = new Fields(moov, { body: config.body + (codec === 'h264' ? 4 : 21), end: config.end }).skip(1);
  return { codec, lengthSize: ((moov[at] ?? 0) & 3) + 1 };
}

function defaultSampleSize(moov: Buffer, track: number): number {
  for (const trex of descend(moov, 0, moov.length, ['mvex', 'trex'])) {
    const fields = new Fields(moov, trex);
    fields.skip(4);
    if (fields.uint(4) !== track) continue;
    fields.skip(8);
    return fields.uint(4);
  }
  return 0;
}

/**
 * Lists the video samples of one fragment.
 *
 * @param moof content of the `moof` box; `start` is where the box begins in the file.
 * @throws Fmp4Error when its boxes are broken.
 */
export function readFragment(moof: Buffer, start: number, track: VideoTrack): SampleRange[] {
  const samples: SampleRange[] = [];
  for (const traf of descend(moof, 0, moof.length, ['traf'])) {
    const header = descend(moof, traf.body, traf.end, ['tfhd'])[0];
    if (!header) throw new Fmp4Error('traf without tfhd');
    const { trackId: id, base, size } = readTrackFragmentHeader(moof, header, start);
    if (id !== track.id) continue;
    let next = base;
    for (const trun of descend(moof, traf.body, traf.end, ['trun'])) {
      next = readRun(moof, trun, base, next, size ?? track.defaultSampleSize, samples);
    }
  }
  return samples;
}

/** ISO/IEC 14496-12 8.8.7. Without an explicit offset the base is the start of the `moof`. */
function readTrackFragmentHeader(moof: Buffer, tfhd: Box, start: number) {
  const fields = new Fields(moof, tfhd);
  const flags = fields.uint(4) & 0xffffff;
  const trackId = fields.uint(4);
  let base = start;
  if (flags & 0x1) base = fields.uint(4) * 2 ** 32 + fields.uint(4);
  if (flags & 0x2) fields.skip(4);
  if (flags & 0x8) fields.skip(4);
  const size = flags & 0x10 ? fields.uint(4) : undefined;
  return { trackId, base, size };
}

/** ISO/IEC 14496-12 8.8.8. Returns where the next run starts when it does not say. */
function readRun(
  moof: Buffer,
  trun: Box,
  base: number,
  from: number,
  size: number,
  out: SampleRange[],
): number {
  const fields = new Fields(moof, trun);
  const flags = fields.uint(4) & 0xffffff;
  const count = fields.uint(4);
  if (out.length + count > MAX_SAMPLES)
    throw new Fmp4Error(`more than ${MAX_SAMPLES} samples in one fragment`);
  let offset = flags & 0x1 ? base + fields.int32() : from;
  if (flags & 0x4) fields.skip(4);
  for (let i = 0; i < count; i++) {
    if (flags & 0x100) fields.skip(4);
    const bytes = flags & 0x200 ? fields.uint(4) : size;
    if (flags & 0x400) fields.skip(4);
    if (flags & 0x800) fields.skip(4);
    out.push({ offset, size: bytes });
    offset += bytes;
  }
  return offset;
}
