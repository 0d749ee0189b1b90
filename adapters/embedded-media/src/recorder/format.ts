import type { VideoCodec } from '@opennvr/rtsp';

/** Ticks per second of {@link Block.time}: fine enough to keep 90 kHz timestamps apart. */
export const TICKS_PER_SECOND = 100_000;

export interface VideoFormat {
  codec: VideoCodec;
  /** VPS, SPS and PPS in this order, without start codes. */
  parameterSets: Buffer[];
  width: number;
  height: number;
}

export interface AudioFormat {
  codec: 'aac' | 'pcma' | 'pcmu' | 'opus';
  /** Hz. */
  sampleRate: number;
  channels: number;
  /** AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) of AAC; empty for the others. */
  config: Buffer;
}

/** What one segment holds; a change begins a new segment. */
export interface Format {
  video: VideoFormat;
  audio: AudioFormat | undefined;
}

/** One access unit, or one packet of audio. */
export interface Block {
  track: 'video' | 'audio';
  /** Presentation time in {@link TICKS_PER_SECOND}, from 0. */
  time: number;
  /** Wall clock at arrival, ms. */
  arrived: number;
  keyframe: boolean;
  /** Video: Annex B. Audio: as in RTP, without payload headers. */
  data: Buffer;
}
