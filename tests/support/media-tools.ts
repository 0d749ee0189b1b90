import { findProgram } from '@opennvr/service';

const found = {
  ffmpeg: findProgram('ffmpeg', 'FFMPEG_BIN'),
  ffprobe: findProgram('ffprobe', 'FFPROBE_BIN'),
};

export const ffmpeg = found.ffmpeg ?? 'ffmpeg';
export const ffprobe = found.ffprobe ?? 'ffprobe';

/** Why footage can be neither made nor judged here; undefined when it can. */
export const toolsMissing = found.ffmpeg && found.ffprobe ? undefined : 'no ffmpeg or ffprobe';
