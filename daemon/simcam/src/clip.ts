import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isKeyframeNal, type ParameterSets, splitAnnexB, type VideoCodec } from '@opennvr/rtsp';
import { type AudioClip, parseAdts } from './aac.ts';

/** What a simulated camera films. */
export interface ClipSpec {
  codec: VideoCodec;
  width: number;
  height: number;
  /** Frames a second, a whole number. */
  fps: number;
  /** Frames from one keyframe to the next. */
  gopFrames: number;
  /** Length of one loop; a multiple of 8 keeps the audio seamless (375 AAC frames at 48 kHz). */
  seconds: number;
  /** Adds AAC, 48 kHz mono. */
  audio: boolean;
  /** Average video bit rate; absent: constant quality. */
  kbps?: number | undefined;
}

export const DEFAULT_CLIP: ClipSpec = {
  codec: 'h264',
  width: 640,
  height: 360,
  fps: 25,
  gopFrames: 25,
  seconds: 8,
  audio: false,
};

/** One loop of coded pictures, in memory and never changed, so that any number of cameras can share it. */
export interface Clip {
  spec: ClipSpec;
  /** GOP → access unit → NAL units without start codes. Every GOP is closed and starts with its parameter sets. */
  gops: readonly (readonly (readonly Buffer[])[])[];
  parameterSets: ParameterSets;
  audio: AudioClip | undefined;
}

/** No clip could be made; the message says what ffmpeg said. */
export class ClipError extends Error {
  override name = 'ClipError';
}

export interface ClipTools {
  /** Path of ffmpeg. */
  ffmpeg: string;
  /** Clips are kept here between runs. */
  cacheDir: string;
}

/** Part of the cache key: raise it when the commands below change. */
const RECIPE = 1;
const MAX_STDERR = 4096;

/**
 * Makes the clip with ffmpeg, or reads it from the cache. Two processes may make the same one at once.
 *
 * @throws ClipError when ffmpeg cannot be run, lacks the encoder, or made something else than asked.
 */
export async function loadClip(spec: ClipSpec, tools: ClipTools): Promise<Clip> {
  const key = createHash('sha256')
    .update(JSON.stringify([RECIPE, spec.codec, spec.width, spec.height, spec.fps, spec.gopFrames]))
    .update(JSON.stringify([spec.seconds, spec.kbps ?? null]))
    .digest('hex')
    .slice(0, 16);
  const video = await cached(tools, `${key}.${spec.codec}`, videoArguments(spec));
  const { gops, parameterSets } = parseVideo(spec, video);
  const audio = spec.audio
    ? parseAdts(await cached(tools, `tone-${RECIPE}-${spec.seconds}.aac`, audioArguments(spec)))
    : undefined;
  if (audio) audio.frames.length = Math.min(audio.frames.length, Math.floor((spec.seconds * 48_000) / 1024));
  return { spec, gops, parameterSets, audio };
}

function videoArguments(spec: ClipSpec): string[] {
  const size = `${spec.width}x${spec.height}`;
  const source = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${spec.fps}`, '-t', String(spec.seconds)];
  const rate =
    spec.kbps === undefined
      ? []
      : ['-b:v', `${spec.kbps}k`, '-maxrate', `${spec.kbps}k`, '-bufsize', `${spec.kbps}k`];
  // Closed GOPs of one length, no reordering: any GOP may follow any other. Access unit delimiters mark the
  // pictures for parseVideo, which takes them out again.
  const gop = `keyint=${spec.gopFrames}:min-keyint=${spec.gopFrames}:scenecut=0:open-gop=0:bframes=0:aud=1`;
  const codec =
    spec.codec === 'h264'
      ? ['-c:v', 'libx264', '-preset', 'veryfast', '-profile:v', 'main', '-x264-params', gop, '-f', 'h264']
      : [
          ...['-c:v', 'libx265', '-preset', 'ultrafast'],
          ...['-x265-params', `${gop}:repeat-headers=1:info=0:log-level=error`, '-f', 'hevc'],
        ];
  return [...source, '-pix_fmt', 'yuv420p', ...rate, ...codec];
}

function audioArguments(spec: ClipSpec): string[] {
  const tone = 'sine=frequency=440:beep_factor=4:sample_rate=48000';
  return ['-f', 'lavfi', '-i', tone, '-t', String(spec.seconds), '-c:a', 'aac', '-b:a', '48k', '-f', 'adts'];
}

async function cached(tools: ClipTools, name: string, args: string[]): Promise<Buffer> {
  const path = join(tools.cacheDir, name);
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(tools.cacheDir, { recursive: true });
  const partial = `${path}.${process.pid}.${Math.trunc(performance.now() * 1000)}`;
  try {
    await runFfmpeg(tools.ffmpeg, [...args, '-y', partial]);
    const data = await readFile(partial);
    await rename(partial, path);
    return data;
  } finally {
    await rm(partial, { force: true });
  }
}

function runFfmpeg(ffmpeg: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(ffmpeg, ['-nostdin', '-hide_banner', '-loglevel', 'error', ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      if (said.length < MAX_STDERR) said += chunk.toString('utf8').slice(0, MAX_STDERR);
    });
    child.once('error', (error) => reject(new ClipError(`${ffmpeg}: ${error.message}`)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new ClipError(`${ffmpeg} ended with ${signal ?? code}: ${said.trim()}`));
    });
  });
}

/** Cuts an elementary stream into GOPs of access units at its delimiters. */
function parseVideo(spec: ClipSpec, data: Buffer): Pick<Clip, 'gops' | 'parameterSets'> {
  const type =
    spec.codec === 'h264'
      ? (nal: Buffer) => (nal[0] ?? 0) & 0x1f
      : (nal: Buffer) => ((nal[0] ?? 0) >> 1) & 0x3f;
  const kinds = spec.codec === 'h264' ? { aud: 9, sps: 7, pps: 8 } : { aud: 35, vps: 32, sps: 33, pps: 34 };
  const gops: Buffer[][][] = [];
  const parameterSets: ParameterSets = {};
  let unit: Buffer[] | undefined;
  const finish = () => {
    if (!unit || unit.length === 0) return;
    if (unit.some((nal) => isKeyframeNal(spec.codec, nal))) gops.push([]);
    gops.at(-1)?.push(unit);
  };
  for (const nal of splitAnnexB(data)) {
    const kind = type(nal);
    if (kind === kinds.aud) {
      finish();
      unit = [];
      continue;
    }
    unit?.push(nal);
    if (kind === kinds.sps) parameterSets.sps ??= nal;
    else if (kind === kinds.pps) parameterSets.pps ??= nal;
    else if (kind === kinds.vps) parameterSets.vps ??= nal;
  }
  finish();
  const frames = gops.reduce((sum, gop) => sum + gop.length, 0);
  if (frames !== spec.fps * spec.seconds || gops.some((gop) => gop.length > spec.gopFrames)) {
    throw new ClipError(
      `the clip has ${frames} frames in ${gops.length} GOPs, not ${spec.fps * spec.seconds} in GOPs of ${spec.gopFrames}`,
    );
  }
  return { gops, parameterSets };
}
