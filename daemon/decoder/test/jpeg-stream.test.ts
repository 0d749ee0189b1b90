import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { JpegStream, JpegStreamError, MAX_JPEG_BYTES } from '../src/jpeg-stream.ts';
import { ffmpeg } from './support.ts';

const picture = (source: string) =>
  ffmpeg(['-f', 'lavfi', '-i', source, '-frames:v', '1', '-c:v', 'mjpeg', '-f', 'image2pipe', 'pipe:1']);
const small = picture('testsrc2=s=64x48');
const wide = picture('testsrc2=s=320x18');

describe('a stream of JPEGs', () => {
  test('comes apart at the right places, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 60 }), (cuts) => {
        const stream = new JpegStream();
        const bytes = Buffer.concat([small, wide, small]);
        const out = [];
        let at = 0;
        for (let i = 0; at < bytes.length; i++) {
          const end = at + (cuts[i % cuts.length] ?? 1);
          out.push(...stream.push(bytes.subarray(at, end)));
          at = end;
        }
        expect(out.map(({ width, height }) => [width, height])).toEqual([
          [64, 48],
          [320, 18],
          [64, 48],
        ]);
        expect(out.every(({ data }, i) => data.equals(i === 1 ? wide : small))).toBe(true);
        expect(stream.pending).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test('an EOI inside a segment ends nothing', () => {
    const comment = Buffer.from([0xff, 0xfe, 0, 6, 0xff, 0xd9, 0xff, 0xd9]);
    const bytes = Buffer.concat([small.subarray(0, 2), comment, small.subarray(2)]);
    const out = new JpegStream().push(bytes);
    expect(out).toHaveLength(1);
    expect(out[0]?.data.equals(bytes)).toBe(true);
  });

  test('never throws but its own error, never gives out what does not start and end as a JPEG', () => {
    const seeds = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.nat(small.length - 1), fc.nat(255))
        .map(([at, value]) => Uint8Array.from(small, (byte, i) => (i === at ? value : byte))),
    );
    fc.assert(
      fc.property(seeds, (bytes) => {
        try {
          for (const { data, width, height } of new JpegStream().push(Buffer.from(bytes))) {
            expect(data.subarray(0, 2).toString('hex')).toBe('ffd8');
            expect(data.subarray(-2).toString('hex')).toBe('ffd9');
            expect(width * height).toBeGreaterThan(0);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(JpegStreamError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('holds at most 32 MiB', () => {
    const stream = new JpegStream();
    stream.push(small.subarray(0, -2));
    const chunk = Buffer.alloc(1024 * 1024);
    expect(() => {
      for (let i = 0; i <= MAX_JPEG_BYTES / chunk.length; i++) stream.push(chunk);
    }).toThrow('larger than 32 MiB');
  });
});
