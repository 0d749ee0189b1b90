import type { Track } from '../types.ts';

/** Encodings of static payload types (RFC 3551 tables 4 and 5), which need no `rtpmap`. */
export const STATIC_PAYLOADS: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU/8000/1'],
  [3, 'GSM/8000/1'],
  [4, 'G723/8000/1'],
  [8, 'PCMA/8000/1'],
  [9, 'G722/8000/1'],
  [10, 'L16/44100/2'],
  [11, 'L16/44100/1'],
  [14, 'MPA/90000'],
  [18, 'G729/8000/1'],
  [26, 'JPEG/90000'],
  [32, 'MPV/90000'],
  [33, 'MP2T/90000'],
]);

/** Encoding names whose name in `Track.codec` is another. */
const CODECS: ReadonlyMap<string, string> = new Map([
  ['hevc', 'h265'],
  ['mpeg4-generic', 'aac'],
]);

const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['h264', 'H264'],
  ['h265', 'H265'],
  ['aac', 'mpeg4-generic'],
  ['pcma', 'PCMA'],
  ['pcmu', 'PCMU'],
]);

/** `Track.codec` of an encoding name. */
export function codecName(encoding: string): string {
  const lower = encoding.toLowerCase();
  return CODECS.get(lower) ?? lower;
}

/** Encoding name of a `Track.codec`, as registered. */
export function encodingName(codec: string): string {
  return ENCODINGS.get(codec) ?? codec;
}

/** The encoding of a dynamic payload type without `rtpmap`, told by its parameters; '' when they do not tell. */
export function inferEncoding(kind: Track['kind'], fmtp: ReadonlyMap<string, string>): string {
  if (kind !== 'video') return '';
  if (fmtp.has('sprop-sps') || fmtp.has('sprop-vps')) return 'H265/90000';
  return fmtp.has('sprop-parameter-sets') || fmtp.has('packetization-mode') ? 'H264/90000' : '';
}
