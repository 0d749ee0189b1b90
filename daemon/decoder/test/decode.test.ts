import { afterAll, describe, expect, test } from 'vitest';
import { plainAccessUnit } from '../src/bitstream/plain.ts';
import { keyframes, meanColour, testPool } from './support.ts';

const pool = testPool();
const signal = new AbortController().signal;
afterAll(() => pool.close());

describe('real streams', () => {
  const streams = [
    { name: 'H.264', codec: 'h264', options: [] },
    { name: 'H.264 with B-frames', codec: 'h264', options: ['-preset', 'fast', '-bf', '3'] },
    { name: 'H.264 in four slices', codec: 'h264', options: ['-slices', '4'] },
    { name: 'H.264 full range', codec: 'h264', options: ['-pix_fmt', 'yuvj420p'] },
    { name: 'H.264 4:2:2, 10 bit', codec: 'h264', options: ['-pix_fmt', 'yuv422p10le'] },
    { name: 'H.265', codec: 'h265', options: [] },
    { name: 'H.265 with B-frames', codec: 'h265', options: ['-preset', 'fast', '-bf', '4'] },
    { name: 'H.265 10 bit', codec: 'h265', options: ['-pix_fmt', 'yuv420p10le'] },
  ] as const;

  test.each(streams)('$name: each keyframe gives its own picture, from one warm worker', async (stream) => {
    // The brightness says which frame it is.
    const source = "nullsrc=s=330x182:r=4,geq=lum='60+N*8':cb=100:cr=150";
    const units = keyframes({ codec: stream.codec, source, options: stream.options, frames: 4 }).slice(0, 4);
    expect(units).toHaveLength(4);
    const lumas: number[] = [];
    let pids: number[] = [];
    for (const unit of units) {
      expect(plainAccessUnit(stream.codec, unit)).toMatchObject({ width: 330, height: 182 });
      const jpeg = await pool.decode(stream.codec, unit, 0, signal);
      expect(jpeg).toMatchObject({ width: 330, height: 182 });
      lumas.push(meanColour(jpeg.data)[0]);
      if (lumas.length > 1) expect(pool.workerPids).toEqual(pids);
      pids = pool.workerPids;
      expect(pids.length).toBeGreaterThan(0);
    }
    for (const [i, luma] of lumas.entries()) {
      if (i > 0) expect(luma - (lumas[i - 1] ?? 0)).toBeGreaterThan(20);
    }
  });

  test('interlaced H.264 goes to a process of its own', async () => {
    const [unit = Buffer.alloc(0)] = keyframes({
      codec: 'h264',
      source: 'testsrc2=s=320x192:r=4',
      options: ['-flags', '+ildct+ilme', '-x264-params', 'interlaced=1'],
    });
    expect(plainAccessUnit('h264', unit)).toBeUndefined();
    const before = pool.workerPids;
    expect(await pool.decode('h264', unit, 160, signal)).toMatchObject({ width: 160, height: 96 });
    expect(pool.workerPids).toEqual(before);
  });

  test.each([
    ['larger than any camera’s', '8192x4624'],
    ['longer than any camera’s', '8208x64'],
    ['small enough to pass for a fence', '16x16'],
  ])('a picture %s (%s) is refused a shared decoder', (_, size) => {
    const [unit = Buffer.alloc(0)] = keyframes({
      codec: 'h264',
      source: `color=s=${size}:r=4`,
      frames: 0.25,
    });
    expect(unit.length).toBeGreaterThan(0);
    expect(plainAccessUnit('h264', unit)).toBeUndefined();
  });

  test('scales down to the width asked for, never up', async () => {
    const [unit = Buffer.alloc(0)] = keyframes({ codec: 'h265', source: 'testsrc2=s=640x360:r=4' });
    expect(await pool.decode('h265', unit, 320, signal)).toMatchObject({ width: 320, height: 180 });
    expect(await pool.decode('h265', unit, 2000, signal)).toMatchObject({ width: 640, height: 360 });
  });
});

describe('a bounded queue', () => {
  test('refuses what would not fit and forgets what nobody waits for', async () => {
    const small = testPool({ queueLength: 2 });
    const [unit = Buffer.alloc(0)] = keyframes({ codec: 'h264', source: 'testsrc2=s=320x180:r=4' });
    const abort = new AbortController();
    const running = small.decode('h264', unit, 0, signal);
    const waiting = small.decode('h264', unit, 0, signal);
    const cancelled = small.decode('h264', unit, 0, abort.signal);
    await expect(small.decode('h264', unit, 0, signal)).rejects.toMatchObject({ reason: 'busy' });
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ reason: 'cancelled' });
    expect(await running).toMatchObject({ width: 320 });
    expect(await waiting).toMatchObject({ width: 320 });
    small.close();
    await expect(small.decode('h264', unit, 0, signal)).rejects.toMatchObject({ reason: 'worker' });
  });

  test('keeps at most the warm workers it may', async () => {
    const two = testPool({ warmWorkers: 2 });
    for (const width of [320, 336, 352, 320]) {
      const [unit = Buffer.alloc(0)] = keyframes({
        codec: 'h264',
        source: `testsrc2=s=${width}x192:r=4`,
        frames: 1,
      });
      expect(await two.decode('h264', unit, 0, signal)).toMatchObject({ width });
      expect(two.workerPids.length).toBeLessThanOrEqual(2);
    }
    two.close();
  });
});
