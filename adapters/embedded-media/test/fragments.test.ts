import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { FragmentError, FragmentParser, type Piece } from '../src/recorder/fragments.ts';
import { ffmpeg, missing } from './clip.ts';

const makeFile = () =>
  execFileSync(ffmpeg, [
    ...[
      '-v',
      'error',
      '-f',
      'lavfi',
      '-i',
      'testsrc=s=64x64:r=10:d=3',
      '-c:v',
      'libx264',
      '-g',
      '10',
      '-bf',
      '0',
    ],
    ...['-f', 'mp4', '-movflags', 'empty_moov+default_base_moof+frag_keyframe', 'pipe:1'],
  ]);

function parse(chunks: Iterable<Buffer>): Piece[] {
  const parser = new FragmentParser();
  return [...chunks].flatMap((chunk) => parser.push(chunk));
}

describe.skipIf(missing)(`FragmentParser${missing}`, () => {
  let file: Buffer;
  beforeAll(() => {
    file = makeFile();
  });

  it('finds the same pieces however the bytes come', () => {
    const whole = parse([file]);
    expect(whole.map((p) => (p.kind === 'init' ? 'init' : p.fragment.videoSamples))).toEqual([
      'init',
      10,
      10,
      10,
    ]);
    expect(whole.map((p) => (p.kind === 'init' ? undefined : p.fragment.starts.get(1)))).toEqual([
      undefined,
      0,
      1,
      2,
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: file.length - 1 }), { maxLength: 30 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), file.length];
        expect(parse(at.slice(1).map((end, i) => file.subarray(at[i], end)))).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it('throws nothing but FragmentError, whatever byte is wrong', () => {
    const place = fc.integer({ min: 0, max: file.length - 1 });
    fc.assert(
      fc.property(fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 20 }), (changes) => {
        const broken = Buffer.from(file);
        for (const [at, value] of changes) broken[at] = value;
        try {
          parse([broken]);
        } catch (error) {
          expect(error).toBeInstanceOf(FragmentError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
