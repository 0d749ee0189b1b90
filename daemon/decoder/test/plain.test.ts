import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BitReader, BitWriter } from '../src/bitstream/bits.ts';
import { plainAccessUnit } from '../src/bitstream/plain.ts';
import { fence } from '../src/fence.ts';
import { ffmpeg, keyframes, rewrite } from './support.ts';

describe('Exp-Golomb', () => {
  test('what is written is read', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 31)), (values) => {
        const writer = new BitWriter();
        for (const value of values) writer.ue(value);
        const reader = new BitReader(writer.finish());
        expect(values.map(() => reader.ue())).toEqual(values);
      }),
    );
  });
});

describe.each(['h264', 'h265'] as const)('%s', (codec) => {
  const [unit = Buffer.alloc(0)] = keyframes({ codec, source: 'testsrc2=s=332x186:r=4', frames: 1 });

  test('the fence is one flat picture of the colour asked for', () => {
    const format = codec === 'h264' ? 'h264' : 'hevc';
    const pixels = ffmpeg(
      ['-f', format, '-i', 'pipe:0', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', 'pipe:1'],
      fence(codec, [100, 60, 200]),
    );
    const expected = [Buffer.alloc(256, 100), Buffer.alloc(64, 60), Buffer.alloc(64, 200)];
    expect(pixels.equals(Buffer.concat(expected))).toBe(true);
  });

  test('knows its size, cropping applied, and gives the decoder pixels unchanged', () => {
    const plain = plainAccessUnit(codec, unit);
    expect(plain).toMatchObject({ width: 332, height: 186 });
    const decode = (bytes: Buffer) =>
      ffmpeg(['-f', codec === 'h264' ? 'h264' : 'hevc', '-i', 'pipe:0', '-f', 'rawvideo', 'pipe:1'], bytes);
    expect(decode(plain?.annexB ?? Buffer.alloc(0)).equals(decode(unit))).toBe(true);
  });

  test('parameter sets are needed, and only one picture may be there', () => {
    const isParameterSet = (nal: Buffer) =>
      codec === 'h264' ? [7, 8].includes((nal[0] ?? 0) & 31) : (nal[0] ?? 0) >> 1 >= 32;
    expect(
      plainAccessUnit(
        codec,
        rewrite(unit, (all) => all.filter((nal) => !isParameterSet(nal))),
      ),
    ).toBeUndefined();
    expect(
      plainAccessUnit(
        codec,
        rewrite(unit, (all) => all.filter(isParameterSet)),
      ),
    ).toBeUndefined();
    expect(plainAccessUnit(codec, Buffer.concat([unit, unit]))).toBeUndefined();
    expect(plainAccessUnit(codec, fence(codec, [1, 2, 3]))).toBeUndefined(); // nobody passes for the fence
  });

  test('an end of sequence, or a delimiter, takes nothing away from a picture', () => {
    const end = Buffer.from(codec === 'h264' ? [0, 0, 1, 9, 0xf0] : [0, 0, 1, 36 << 1, 1]);
    const alone = plainAccessUnit(codec, unit);
    expect(plainAccessUnit(codec, Buffer.concat([end, unit]))).toEqual(alone);
  });
});
