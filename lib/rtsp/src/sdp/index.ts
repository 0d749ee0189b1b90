export { type AacConfig, aacConfigOf } from './aac.ts';
export { parseSdp, type SessionDescription } from './parse.ts';
export { videoCodecOf } from './sprop.ts';
export { type SdpInput, writeSdp } from './write.ts';
