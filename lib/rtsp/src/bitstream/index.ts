export { joinAnnexB, splitAnnexB } from './annexb.ts';
export { addEmulationPrevention, removeEmulationPrevention } from './emulation.ts';
export { H264_NAL, H265_NAL, isKeyframeNal, isSliceType, nalType } from './nal.ts';
export { ParameterSetTracker } from './parameter-sets.ts';
export { frameNumberSei, readFrameNumber } from './sei.ts';
export { parseSps, type Sps } from './sps.ts';
