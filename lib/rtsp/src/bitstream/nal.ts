import type { VideoCodec } from '../types.ts';

/** H.264 nal_unit_type (ITU-T H.264 table 7-1), those we act upon. */
export const H264_NAL = { idr: 5, sei: 6, sps: 7, pps: 8, aud: 9 } as const;

/** H.265 nal_unit_type (ITU-T H.265 table 7-1), those we act upon. */
export const H265_NAL = {
  firstIrap: 16,
  lastIrap: 23,
  vps: 32,
  sps: 33,
  pps: 34,
  aud: 35,
  prefixSei: 39,
} as const;

/** Bytes of a NAL unit header. */
export function nalHeaderLength(codec: VideoCodec): 1 | 2 {
  return codec === 'h264' ? 1 : 2;
}

/** nal_unit_type out of the first header byte. */
export function nalTypeOf(codec: VideoCodec, firstByte: number): number {
  return codec === 'h264' ? firstByte & 0x1f : (firstByte >> 1) & 0x3f;
}

/** nal_unit_type of a NAL unit without start code; -1 when it is empty. */
export function nalType(codec: VideoCodec, nal: Uint8Array): number {
  const first = nal[0];
  return first === undefined ? -1 : nalTypeOf(codec, first);
}

/** H.264 IDR, or H.265 IRAP with its reserved types: a picture that decodes without any before it. */
export function isKeyframeType(codec: VideoCodec, type: number): boolean {
  return codec === 'h264' ? type === H264_NAL.idr : type >= H265_NAL.firstIrap && type <= H265_NAL.lastIrap;
}

/** True for a slice (or data partition) of a coded picture. */
export function isSliceType(codec: VideoCodec, type: number): boolean {
  return codec === 'h264' ? type >= 1 && type <= H264_NAL.idr : type >= 0 && type < H265_NAL.vps;
}

/** True for a slice of an IDR (H.264) or IRAP (H.265) picture; `nal` is without start code. */
export function isKeyframeNal(codec: VideoCodec, nal: Uint8Array): boolean {
  return isKeyframeType(codec, nalType(codec, nal));
}

export type ParameterSetKind = 'vps' | 'sps' | 'pps';

/** Which parameter set a nal_unit_type is, if any. */
export function parameterSetKind(codec: VideoCodec, type: number): ParameterSetKind | undefined {
  if (codec === 'h264') {
    if (type === H264_NAL.sps) return 'sps';
    return type === H264_NAL.pps ? 'pps' : undefined;
  }
  if (type === H265_NAL.vps) return 'vps';
  if (type === H265_NAL.sps) return 'sps';
  return type === H265_NAL.pps ? 'pps' : undefined;
}

/** True for an access unit delimiter, which has to stay first. */
export function isDelimiter(codec: VideoCodec, type: number): boolean {
  return type === (codec === 'h264' ? H264_NAL.aud : H265_NAL.aud);
}
