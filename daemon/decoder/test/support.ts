import { execFileSync } from 'node:child_process';
import { createLogger, systemClock } from '@opennvr/service';
import { splitNalUnits } from '../src/bitstream/annexb.ts';
import type { Codec } from '../src/bitstream/plain.ts';
import { DecoderPool, type PoolOptions } from '../src/pool.ts';
import { chooseSandbox } from '../src/sandbox.ts';

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** Runs ffmpeg and returns what it wrote. */
export function ffmpeg(args: readonly string[], input?: Buffer): Buffer {
  return execFileSync('ffmpeg', ['-v', 'error', ...args], {
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(input === undefined ? {} : { input }),
  });
}

export interface Clip {
  codec: Codec;
  /** lavfi source. */
  source: string;
  /** Encoder options. */
  options?: readonly string[];
  frames?: number;
}

/** Encodes a clip of keyframes and returns each one's access unit with its parameter sets. */
export function keyframes({ codec, source, options = [], frames = 3 }: Clip): Buffer[] {
  const encoder =
    codec === 'h264'
      ? ['-c:v', 'libx264']
      : ['-c:v', 'libx265', '-x265-params', 'log-level=none:keyint=4:min-keyint=4:scenecut=0:slices=4'];
  const stream = ffmpeg([
    ...['-f', 'lavfi', '-i', source, '-frames:v', String(frames * 4), ...encoder, '-g', '4'],
    ...['-preset', 'ultrafast', '-threads', '1', '-pix_fmt', 'yuv420p', ...options],
    ...['-f', codec === 'h264' ? 'h264' : 'hevc', 'pipe:1'],
  ]);
  const parameterSets = new Map<number, Buffer>();
  const units: Buffer[][] = [];
  let current: Buffer[] | undefined;
  for (const unit of splitNalUnits(stream) ?? []) {
    const type = codec === 'h264' ? (unit[0] ?? 0) & 31 : ((unit[0] ?? 0) >> 1) & 63;
    if (codec === 'h264' ? type === 7 || type === 8 : type >= 32 && type <= 34) {
      parameterSets.set(type, unit);
      current = undefined;
    } else if (codec === 'h264' ? type === 5 : type >= 16 && type <= 21) {
      if (current === undefined) {
        current = [...parameterSets.values()];
        units.push(current);
      }
      current.push(unit);
    } else if (type < 32 && !(codec === 'h264' && type === 6)) {
      current = undefined;
    }
  }
  return units.map((list) => Buffer.concat(list.flatMap((unit) => [START_CODE, unit])));
}

/** The same access unit with something done to its NAL units. */
export function rewrite(accessUnit: Buffer, change: (units: Buffer[]) => Buffer[]): Buffer {
  return Buffer.concat(change(splitNalUnits(accessUnit) ?? []).flatMap((unit) => [START_CODE, unit]));
}

export function testPool(options: Partial<PoolOptions> = {}): DecoderPool {
  return new DecoderPool({
    sandbox: chooseSandbox({ sandbox: 'auto', memoryBytes: 2 ** 31 }),
    clock: systemClock,
    random: Math.random,
    log: createLogger('test', { level: 'silent' }),
    concurrency: 1,
    warmWorkers: 4,
    queueLength: 64,
    timeoutMs: 10_000,
    ...options,
  });
}

/** Mean Y, Cb, Cr of a region of a JPEG; x, y, w, h as fractions of the picture. */
export function meanColour(jpeg: Buffer, region = { x: 0, y: 0, w: 1, h: 1 }): [number, number, number] {
  const { x, y, w, h } = region;
  const crop = `crop=iw*${w}:ih*${h}:iw*${x}:ih*${y},scale=1:1:flags=area,format=yuvj444p`;
  const [luma = 0, cb = 0, cr = 0] = ffmpeg(
    ['-f', 'mjpeg', '-i', 'pipe:0', '-vf', crop, '-f', 'rawvideo', 'pipe:1'],
    jpeg,
  );
  return [luma, cb, cr];
}

/** A deterministic generator (mulberry32), uniform in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
