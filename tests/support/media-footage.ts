import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isSliceType, nalType, readFrameNumber, splitAnnexB, type VideoCodec } from '@opennvr/rtsp';
import { ffmpeg, ffprobe } from './media-tools.ts';

const run = promisify(execFile);

export interface ProbedSegment {
  /** Codecs of its tracks, `h264`, `aac`, …, as ffprobe names them. */
  codecs: string[];
  width: number;
  height: number;
  videoPackets: number;
  audioPackets: number;
  startsWithKeyframe: boolean;
}

/** What ffprobe, which is not ours, finds in a segment. */
export async function probeSegment(path: string): Promise<ProbedSegment> {
  const { stdout } = await run(
    ffprobe,
    [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name,codec_type,width,height:packet=codec_type,flags',
      '-of',
      'json',
      path,
    ],
    { maxBuffer: 1 << 28 },
  );
  const { streams, packets } = JSON.parse(stdout) as {
    streams: { codec_name: string; codec_type: string; width?: number; height?: number }[];
    packets: { codec_type: string; flags: string }[];
  };
  const video = streams.find((stream) => stream.codec_type === 'video');
  const of = (type: string) => packets.filter((packet) => packet.codec_type === type);
  return {
    codecs: streams.map((stream) => stream.codec_name),
    width: video?.width ?? 0,
    height: video?.height ?? 0,
    videoPackets: of('video').length,
    audioPackets: of('audio').length,
    startsWithKeyframe: of('video')[0]?.flags.startsWith('K') ?? false,
  };
}

/**
 * Numbers of the frames in a segment, in order, read by way of ffmpeg from the SEIs of our own cameras. A number that
 * no slice follows is not a frame, but what is left of one.
 */
export async function frameNumbers(path: string, codec: VideoCodec): Promise<number[]> {
  const name = codec === 'h264' ? 'h264' : 'hevc';
  const { stdout } = await run(
    ffmpeg,
    [
      '-v',
      'error',
      '-i',
      path,
      '-map',
      '0:v',
      '-c',
      'copy',
      '-bsf:v',
      `${name}_mp4toannexb`,
      '-f',
      name,
      'pipe:1',
    ],
    { encoding: 'buffer', maxBuffer: 1 << 29 },
  );
  const numbers: number[] = [];
  let pending: number | undefined;
  for (const nal of splitAnnexB(stdout)) {
    pending = readFrameNumber(codec, [nal]) ?? pending;
    if (pending === undefined || !isSliceType(codec, nalType(codec, nal))) continue;
    numbers.push(pending);
    pending = undefined;
  }
  return numbers;
}

/** The numbers missing from, or twice in, a list that should count up by ones. */
export function gaps(numbers: readonly number[]): string[] {
  return numbers.flatMap((number, i) => {
    const before = numbers[i - 1];
    return before === undefined || number === before + 1 ? [] : [`${before} → ${number}`];
  });
}
