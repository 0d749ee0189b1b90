import { systemClock } from '@opennvr/service';
import { afterAll, describe, expect, test } from 'vitest';
import { splitNalUnits } from '../src/bitstream/annexb.ts';
import { type Codec, plainAccessUnit } from '../src/bitstream/plain.ts';
import { JpegStream } from '../src/jpeg-stream.ts';
import { chooseSandbox } from '../src/sandbox.ts';
import { WarmWorker } from '../src/warm-worker.ts';
import { ffmpeg, keyframes, meanColour, rewrite, seeded, testPool } from './support.ts';

const signal = new AbortController().signal;
const FRAMES = 100;
const SIZE = { width: 320, height: 192 };

/** Two cameras of one size, told apart by colour. */
function camera(codec: Codec, luma: number, chroma: number): Buffer {
  const source = `nullsrc=s=${SIZE.width}x${SIZE.height}:r=4,geq=lum=${luma}:cb=${chroma}:cr=${chroma},noise=alls=8`;
  const options = codec === 'h264' ? ['-slices', '4'] : [];
  const [unit = Buffer.alloc(0)] = keyframes({ codec, source, options, frames: 1 });
  return unit;
}

function near(actual: readonly number[], expected: readonly number[]): boolean {
  return actual.every((value, i) => Math.abs(value - (expected[i] ?? 0)) < 24);
}

function isSlice(codec: Codec, unit: Buffer): boolean {
  return codec === 'h264' ? ((unit[0] ?? 0) & 31) === 5 : (unit[0] ?? 0) >> 1 < 32;
}

function newWorker(codec: Codec, timeoutMs = 1500, sandbox: 'auto' | 'none' = 'auto'): WarmWorker {
  return new WarmWorker({
    codec,
    size: SIZE,
    sandbox: chooseSandbox({ sandbox, memoryBytes: 2 ** 31 }),
    clock: systemClock,
    random: Math.random,
    timeoutMs,
  });
}

describe.each(['h264', 'h265'] as const)(
  '%s: no picture reaches a request it does not belong to',
  (codec) => {
    const bright = camera(codec, 200, 90);
    const dark = camera(codec, 60, 170);
    const BRIGHT = [216, 84, 84] as const; // as full range
    const DARK = [51, 176, 176] as const;
    const pool = testPool({ timeoutMs: 5000 });
    afterAll(() => pool.close());

    test('the two cameras can be told apart', async () => {
      expect(near(meanColour((await pool.decode(codec, bright, 0, signal)).data), BRIGHT)).toBe(true);
      expect(near(meanColour((await pool.decode(codec, dark, 0, signal)).data), DARK)).toBe(true);
    });

    test('slices a camera leaves out never show the camera before', async () => {
      const worker = newWorker(codec, 5000);
      const good = plainAccessUnit(codec, bright);
      let sliceNumber = 0;
      const topOnly = rewrite(dark, (units) =>
        units.filter((unit) => !isSlice(codec, unit) || sliceNumber++ === 0),
      );
      const hostile = plainAccessUnit(codec, topOnly);
      if (!good || !hostile) throw new Error('the clips must be plain');
      expect(near(meanColour((await worker.decode(good.annexB)).data), BRIGHT)).toBe(true);
      const outcome = await worker.decode(hostile.annexB).catch((error: unknown) => error);
      if (outcome instanceof Error) {
        expect(worker.alive).toBe(false);
      } else {
        const { data } = outcome as { data: Buffer };
        const bottom = meanColour(data, { x: 0, y: 0.5, w: 1, h: 0.5 });
        expect(near(bottom, BRIGHT)).toBe(false);
      }
      worker.kill();
    });

    // ffmpeg's H.264 decoder conceals what is missing inside the picture, its H.265 decoder does not.
    if (codec === 'h265')
      test('without a fence, left-out slices do show the camera before', () => {
        let sliceNumber = 0;
        const topOnly = rewrite(dark, (units) =>
          units.filter((unit) => !isSlice(codec, unit) || sliceNumber++ === 0),
        );
        const jpegs = ffmpeg(
          [
            ...['-threads', '1', '-f', 'hevc', '-i', 'pipe:0', '-vsync', 'passthrough'],
            ...['-q:v', '2', '-f', 'image2pipe', '-c:v', 'mjpeg', 'pipe:1'],
          ],
          Buffer.concat([bright, bright, bright, topOnly]),
        );
        const last = new JpegStream().push(jpegs).at(-1);
        const bottom = meanColour(last?.data ?? Buffer.alloc(0), { x: 0, y: 0.5, w: 1, h: 0.5 });
        expect(near(bottom, BRIGHT)).toBe(true);
      });

    test('an access unit that hides a second picture is refused a shared decoder', () => {
      const slices = (splitNalUnits(dark) ?? []).filter((unit) => isSlice(codec, unit));
      expect(plainAccessUnit(codec, Buffer.concat([bright, dark]))).toBeUndefined();
      expect(
        plainAccessUnit(
          codec,
          rewrite(bright, (units) => [...units, ...slices]),
        ),
      ).toBeUndefined();
    });

    test("a second picture that gets through all the same ends the worker, not in somebody else's hands", async () => {
      const worker = newWorker(codec);
      const good = plainAccessUnit(codec, bright);
      if (!good) throw new Error('the clip must be plain');
      await worker.decode(good.annexB);
      // The asker may get the first, its own, when the second is not there yet; nobody gets the second.
      const first = await worker.decode(Buffer.concat([dark, dark])).catch((error: unknown) => error);
      if (first instanceof Error) expect(first).toMatchObject({ reason: 'frame' });
      else expect(near(meanColour((first as { data: Buffer }).data), DARK)).toBe(true);
      await expect(worker.decode(good.annexB)).rejects.toMatchObject({ reason: 'frame' });
      expect(worker.alive).toBe(false);
    });

    test('a worker that stays silent is killed, and its late picture goes to nobody', async () => {
      const worker = newWorker(codec, 1000, 'none'); // the process itself, so that it can be stopped
      const good = plainAccessUnit(codec, bright);
      if (!good) throw new Error('the clip must be plain');
      await worker.decode(good.annexB);
      process.kill(worker.pid ?? 0, 'SIGSTOP');
      await expect(worker.decode(good.annexB)).rejects.toThrow('no picture within');
      expect(worker.alive).toBe(false);
    });

    test('hundreds of damaged frames: the decoder lives, and a good frame right after each is decoded right', async () => {
      const random = seeded(codec === 'h264' ? 1 : 2);
      let decoded = 0;
      for (let i = 0; i < FRAMES; i++) {
        const damaged = mutate(dark, random);
        const [spoilt, fine] = await Promise.all([
          pool.decode(codec, damaged, 0, signal).catch((error: unknown) => error),
          pool.decode(codec, bright, 0, signal),
        ]);
        expect(near(meanColour(fine.data), BRIGHT)).toBe(true);
        if (spoilt instanceof Error) {
          expect(spoilt).toMatchObject({ name: 'DecodeFailure', reason: 'frame' });
        } else {
          decoded++;
          const { data } = spoilt as { data: Buffer };
          for (const y of [0, 0.25, 0.5, 0.75]) {
            expect(near(meanColour(data, { x: 0, y, w: 1, h: 0.25 }), BRIGHT)).toBe(false);
          }
        }
      }
      console.log(`${codec}: ${decoded} of ${FRAMES} damaged frames still gave a picture`);
    }, 240_000);

    test('random bytes are no picture', async () => {
      const random = seeded(3);
      for (let i = 0; i < 10; i++) {
        const noise = Buffer.from(
          Array.from({ length: 1 + Math.floor(random() * 4000) }, () => Math.floor(random() * 256)),
        );
        await expect(pool.decode(codec, noise, 0, signal)).rejects.toMatchObject({ reason: 'frame' });
      }
      expect(near(meanColour((await pool.decode(codec, bright, 0, signal)).data), BRIGHT)).toBe(true);
    }, 60_000);
  },
);

/** What networks and hostile cameras do: bits flipped, bytes cut out, doubled, or the end missing. */
function mutate(accessUnit: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * accessUnit.length);
  const length = 1 + Math.floor(random() * 200);
  switch (Math.floor(random() * 4)) {
    case 0: {
      const copy = Buffer.from(accessUnit);
      for (let i = 0; i < 1 + random() * 8; i++) {
        const position = Math.floor(random() * copy.length);
        copy[position] = (copy[position] ?? 0) ^ (1 << Math.floor(random() * 8));
      }
      return copy;
    }
    case 1:
      return accessUnit.subarray(0, Math.max(5, at));
    case 2:
      return Buffer.concat([accessUnit.subarray(0, at), accessUnit.subarray(at + length)]);
    default:
      return Buffer.concat([accessUnit.subarray(0, at + length), accessUnit.subarray(at)]);
  }
}
