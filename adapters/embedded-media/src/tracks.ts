import type { TrackInfo } from '@opennvr/media';
import {
  type AccessUnit,
  type ParameterSets,
  parseSps,
  RtspError,
  type Track,
  type VideoCodec,
} from '@opennvr/rtsp';
import type { AudioFormat, VideoFormat } from './recorder/format.ts';

const AUDIO_CODECS = new Set(['aac', 'pcma', 'pcmu', 'opus']);

/** Says yes to the first video track we can handle and to the first such audio track. One per session. */
export function trackChooser(): (track: Track) => boolean {
  const chosen = new Map<string, number>();
  return (track) => {
    if (!isVideo(track) && !isAudio(track)) return false;
    if (!chosen.has(track.kind)) chosen.set(track.kind, track.index);
    return chosen.get(track.kind) === track.index;
  };
}

export function isVideo(track: Track): track is Track & { codec: VideoCodec } {
  return track.kind === 'video' && (track.codec === 'h264' || track.codec === 'h265');
}

export function isAudio(track: Track): track is Track & { codec: AudioFormat['codec'] } {
  return track.kind === 'audio' && AUDIO_CODECS.has(track.codec);
}

/** What the recorder is told of an audio track; undefined when the session description says too little. */
export function audioFormat(track: Track | undefined): AudioFormat | undefined {
  if (!track || !isAudio(track)) return undefined;
  const config = track.codec === 'aac' ? Buffer.from(track.fmtp.get('config') ?? '', 'hex') : Buffer.alloc(0);
  if (track.codec === 'aac' && (config.length < 2 || config.length > 64)) return undefined;
  return { codec: track.codec, sampleRate: track.clockRate, channels: Math.max(1, track.channels), config };
}

/** The format a keyframe declares in its parameter sets. @throws RtspError when they cannot be read. */
export function videoFormat(unit: AccessUnit): VideoFormat | undefined {
  const order = unit.codec === 'h264' ? [7, 8] : [32, 33, 34];
  const type = (nal: Buffer) => (unit.codec === 'h264' ? (nal[0] ?? 0) & 0x1f : ((nal[0] ?? 0) >> 1) & 0x3f);
  const parameterSets = order.flatMap((wanted) => unit.nalUnits.filter((nal) => type(nal) === wanted));
  const sps = parameterSets.find((nal) => type(nal) === (unit.codec === 'h264' ? 7 : 33));
  if (!sps) return undefined;
  const { width, height } = parseSps(unit.codec, sps);
  return { codec: unit.codec, parameterSets, width, height };
}

export function sameFormat(a: VideoFormat, b: VideoFormat): boolean {
  return (
    a.codec === b.codec &&
    a.parameterSets.length === b.parameterSets.length &&
    a.parameterSets.every((set, i) => b.parameterSets[i]?.equals(set))
  );
}

/** Tracks as people see them; sizes from the session description until a keyframe tells better. */
export function trackInfo(tracks: readonly Track[], video: VideoFormat | undefined): TrackInfo[] {
  return tracks.map((track) => {
    if (!isVideo(track)) return { codec: track.codec, width: 0, height: 0 };
    const { width, height } = video ?? sizeOf(track.codec, track.parameterSets);
    return { codec: track.codec, width, height };
  });
}

function sizeOf(codec: VideoCodec, sets: ParameterSets): { width: number; height: number } {
  try {
    if (sets.sps) return parseSps(codec, sets.sps);
  } catch (error) {
    if (!(error instanceof RtspError)) throw error;
  }
  return { width: 0, height: 0 };
}
