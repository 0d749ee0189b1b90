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

/** A box of ISO/IEC 14496-12 with what is in it. */
function box(type: string, ...content: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.reduce((sum, { length }) => sum + length, 0));
  head.write(type, 4);
  return Buffer.concat([head, ...content]);
}

describe('FragmentParser', () => {
  const mdhd = box('mdia', box('mdhd', Buffer.from(`${'00'.repeat(12)}00000019`, 'hex')));
  it.each([
    ['tkhd without its end', box('trak', box('tkhd', Buffer.alloc(12)), mdhd)],
    ['tkhd of version 1', box('trak', box('tkhd', Buffer.from(`01${'00'.repeat(15)}`, 'hex')), mdhd)],
    [
      'mdhd without its end',
      box('trak', box('tkhd', Buffer.alloc(16)), box('mdia', box('mdhd', Buffer.alloc(12)))),
    ],
  ])('refuses a %s', (_name, trak) => {
    expect(() => parse([box('moov', trak)])).toThrow(FragmentError);
  });

  it('refuses a trun without its count', () => {
    const track = Buffer.from('0000000000000001', 'hex');
    const trak = box('trak', box('tkhd', Buffer.alloc(8), track), mdhd);
    const tfhd = box('tfhd', track, Buffer.alloc(4));
    const tfdt = box('tfdt', Buffer.from(`01${'00'.repeat(11)}`, 'hex'));
    const fragment = (trun: Buffer) => [
      box('moov', trak),
      box('moof', box('traf', tfhd, tfdt, box('trun', trun))),
      box('mdat'),
    ];
    expect(parse(fragment(Buffer.alloc(8)))).toHaveLength(2);
    expect(() => parse(fragment(Buffer.alloc(4)))).toThrow(FragmentError);
  });
});
