import { execFileSync } from 'node:child_process';
import { findProgram } from '@opennvr/service';
import type { Block, Format } from '../src/recorder/format.ts';

const found = { ffmpeg: findProgram('ffmpeg', 'FFMPEG_BIN'), ffprobe: findProgram('ffprobe', 'FFPROBE_BIN') };
export const ffmpeg = found.ffmpeg ?? 'ffmpeg';
const ffprobe = found.ffprobe ?? 'ffprobe';
/** What a test's name says when it is skipped for want of tools; '' when they are there. */
export const missing = found.ffmpeg && found.ffprobe ? '' : ' (skipped: no ffmpeg or ffprobe)';

const START_CODE = Buffer.from([0, 0, 0, 1]);

export interface ClipOptions {
  codec?: 'h264' | 'h265';
  seconds: number;
  fps?: number;
  /** Frames from one keyframe to the next. */
  gop?: number;
  size?: string;
  /** B-frames between two others; H.264 only. */
  bframes?: number;
  audio?: 'aac' | 'pcma' | 'pcmu';
}

/** A short real clip, as the blocks a camera would have led to. */
export function makeClip(options: ClipOptions): { format: Format; blocks: Block[] } {
  const { codec = 'h264', seconds, fps = 10, gop = 10, size = '160x120', bframes = 0 } = options;
  const [encoder, muxer] = codec === 'h264' ? ['libx264', 'h264'] : ['libx265', 'hevc'];
  const encode = (format: string) => [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc=s=${size}:r=${fps}:d=${seconds}`],
    ...['-c:v', encoder, '-preset', 'ultrafast', '-bf', String(bframes), '-g', String(gop)],
    ...['-pix_fmt', 'yuv420p', '-flags', '+bitexact'],
    ...(codec === 'h264'
      ? ['-x264-params', 'scenecut=0:b-adapt=0:threads=1']
      : ['-x265-params', `log-level=none:bframes=0:scenecut=0:open-gop=0:keyint=${gop}:min-keyint=${gop}`]),
    ...['-bsf:v', `${codec === 'h264' ? 'h264' : 'hevc'}_metadata=aud=insert`, '-f', format, 'pipe:1'],
  ];
  const stream = execFileSync(ffmpeg, encode(muxer), { maxBuffer: 1 << 28 });
  // A bare bitstream has no times; with B-frames they are not in the order of decoding.
  const times =
    bframes === 0
      ? undefined
      : execFileSync(ffprobe, [...'-v error -show_entries packet=pts_time -of csv=p=0 -'.split(' ')], {
          input: execFileSync(ffmpeg, encode('matroska')),
        })
          .toString()
          .trim()
          .split('\n')
          .map(Number);
  const type = (nal: Buffer) => (codec === 'h264' ? (nal[0] ?? 0) & 31 : ((nal[0] ?? 0) >> 1) & 63);
  const [aud, sets, key] = codec === 'h264' ? [9, [7, 8], [5]] : [35, [32, 33, 34], [19, 20, 21]];
  const units: Buffer[][] = [];
  for (const nal of split(stream)) {
    if (type(nal) === aud) units.push([]);
    else units.at(-1)?.push(nal);
  }
  const blocks: Block[] = units.map((nals, i) => ({
    track: 'video',
    time: Math.round((times?.[i] ?? i / fps) * 100_000),
    arrived: 1_700_000_000_000 + (i * 1000) / fps,
    keyframe: nals.some((nal) => key.includes(type(nal))),
    data: Buffer.concat(nals.flatMap((nal) => [START_CODE, nal])),
  }));
  const [width = 0, height = 0] = size.split('x').map(Number);
  const format: Format = {
    video: {
      codec,
      width,
      height,
      parameterSets: (units[0] ?? []).filter((nal) => sets.includes(type(nal))),
    },
    audio: undefined,
  };
  if (!options.audio) return { format, blocks };
  const sound = makeSound(options.audio, seconds);
  format.audio = sound.format;
  return { format, blocks: [...blocks, ...sound.blocks].sort((a, b) => a.time - b.time) };
}

function makeSound(codec: 'aac' | 'pcma' | 'pcmu', seconds: number) {
  const audio = (rate: number, config = '') => ({
    codec,
    sampleRate: rate,
    channels: 1,
    config: Buffer.from(config, 'hex'),
  });
  const block = (data: Buffer, at: number): Block => ({
    track: 'audio',
    time: Math.round(at * 100_000),
    arrived: 1_700_000_000_000 + at * 1000,
    keyframe: true,
    data,
  });
  if (codec !== 'aac') {
    const blocks = Array.from({ length: seconds * 50 }, (_, i) => block(Buffer.alloc(160, i), i / 50));
    return { format: audio(8000), blocks };
  }
  const adts = execFileSync(ffmpeg, [
    ...[
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      `sine=r=16000:d=${seconds}`,
      '-c:a',
      'aac',
      '-f',
      'adts',
      'pipe:1',
    ],
  ]);
  const blocks: Block[] = [];
  for (let at = 0; at + 7 <= adts.length; ) {
    const length = (adts.readUIntBE(at + 3, 3) >> 5) & 0x1fff;
    blocks.push(block(Buffer.from(adts.subarray(at + 7, at + length)), (blocks.length * 1024) / 16_000));
    at += length;
  }
  // AAC-LC, 16 kHz, mono.
  return { format: audio(16_000, '1408'), blocks };
}

function split(stream: Buffer): Buffer[] {
  const nals: Buffer[] = [];
  const code = Buffer.from([0, 0, 1]);
  for (let at = stream.indexOf(code); at !== -1; ) {
    const next = stream.indexOf(code, at + 3);
    let end = next === -1 ? stream.length : next;
    while (end > at && stream[end - 1] === 0) end--;
    nals.push(stream.subarray(at + 3, end));
    at = next;
  }
  return nals;
}

export interface Probe {
  streams: { codec_name: string; codec_type: string; width?: number; nb_read_packets: string }[];
  packets: { codec_type: string; pts_time: string; flags: string }[];
}

/** What ffprobe makes of a file by itself. */
export function probe(path: string): Probe {
  const out = execFileSync(ffprobe, [
    ...['-v', 'error', '-count_packets', '-show_streams', '-show_packets', '-of', 'json', path],
  ]);
  return JSON.parse(out.toString());
}

/** Fails when a decoder finds anything wrong in the file. */
export function decodeAll(path: string): string {
  return execFileSync(ffmpeg, ['-v', 'error', '-xerror', '-i', path, '-f', 'null', '-']).toString();
}
