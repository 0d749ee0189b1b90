import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { frameNumberSei, isSliceType, joinAnnexB, nalType, splitAnnexB } from '@opennvr/rtsp';
import { findProgram } from '@opennvr/service';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Fmp4Error } from '../src/footage/boxes.ts';
import { FrameSet, Recording } from '../src/footage/recording.ts';
import { SegmentReader } from '../src/footage/segment.ts';

const ffmpeg = findProgram('ffmpeg', 'FFMPEG_BIN');
const ffprobe = findProgram('ffprobe', 'FFPROBE_BIN');
const missing = ffmpeg && ffprobe ? '' : ' (skipped: no ffmpeg or ffprobe)';
const folder = mkdtempSync(join(tmpdir(), 'opennvr-fmp4-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A real segment: one second of pictures, with sound beside them, in parts of 200 ms. */
function segment(codec: 'libx264' | 'libx265'): Buffer {
  const path = join(folder, `${codec}.mp4`);
  const args = [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=25', '-f', 'lavfi', '-i', 'sine'],
    ...['-t', '1', '-c:v', codec, '-preset', 'ultrafast', '-g', '5', '-c:a', 'aac'],
    ...['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-y', path],
  ];
  execFileSync(ffmpeg ?? '', args, { stdio: ['ignore', 'ignore', 'ignore'] });
  return readFileSync(path);
}

function framesIn(
  data: Buffer,
  reader = new SegmentReader(),
): { codec: string; number: number | undefined }[] {
  const frames: { codec: string; number: number | undefined }[] = [];
  const source = { size: data.length, read: (at: number, length: number) => data.subarray(at, at + length) };
  reader.poll(source, (frame) => frames.push(frame));
  return frames;
}

describe.skipIf(missing !== '')(`reading segments${missing}`, () => {
  it.each([
    ['libx264', 'h264'],
    ['libx265', 'h265'],
  ] as const)('finds every picture that ffprobe finds: %s', (encoder, codec) => {
    const data = segment(encoder);
    const frames = framesIn(data);
    const packets = execFileSync(
      ffprobe ?? '',
      [
        ...[
          '-v',
          'error',
          '-select_streams',
          'v',
          '-count_packets',
          '-show_entries',
          'stream=nb_read_packets',
        ],
        ...['-of', 'csv=p=0', join(folder, `${encoder}.mp4`)],
      ],
      { encoding: 'utf8' },
    );
    expect(frames).toHaveLength(Number.parseInt(packets, 10));
    expect(frames.every((frame) => frame.codec === codec)).toBe(true);
  });

  it('finds each picture once while the segment grows, byte by byte where it hurts', () => {
    const data = segment('libx264');
    const reader = new SegmentReader();
    const all = framesIn(data).length;
    let seen = 0;
    for (let end = 0; end <= data.length; end += 97) seen += framesIn(data.subarray(0, end), reader).length;
    seen += framesIn(data, reader).length;
    expect(seen).toBe(all);
  });

  it('counts a torn tail as not there', () => {
    const data = segment('libx264');
    const whole = framesIn(data).length;
    const torn = framesIn(data.subarray(0, Math.floor(data.length * 0.6))).length;
    expect(torn).toBeGreaterThan(0);
    expect(torn).toBeLessThan(whole);
  });

  it('throws nothing but its own error, whatever the file holds', () => {
    const data = segment('libx265');
    const changes = fc.array(fc.tuple(fc.nat(data.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(changes, (bytes) => {
        const broken = Buffer.from(data);
        for (const [at, value] of bytes) broken[at] = value;
        expectOnlyFmp4Error(broken);
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves out what was there before, and names a segment that is broken', () => {
    const camera = join(folder, 'recordings', 'cam');
    mkdirSync(camera, { recursive: true });
    const data = segment('libx264');
    writeFileSync(join(camera, '100-000000.mp4'), data);
    const recording = new Recording(camera);
    recording.poll();
    expect(recording.frames).toBe(0);

    const next = join(camera, '160-000000.mp4');
    writeFileSync(next, data.subarray(0, data.length >> 1));
    recording.poll();
    const half = recording.frames;
    appendFileSync(next, data.subarray(data.length >> 1));
    recording.poll();
    expect(half).toBeGreaterThan(0);
    expect(recording.frames).toBe(framesIn(data).length);

    const bad = join(camera, '220-000000.mp4');
    writeFileSync(bad, Buffer.from('0000000477696465', 'hex'));
    recording.poll();
    recording.poll();
    expect(recording.problems).toEqual([expect.stringContaining(bad)]);
    expect(recording.segments).toEqual([next, bad]);
  });
});

describe.skipIf(missing !== '')(`a long recording${missing}`, () => {
  it('is not read all over again at each look, but once more at the end', () => {
    const camera = join(folder, 'recordings', 'long');
    mkdirSync(camera, { recursive: true });
    const recording = new Recording(camera);
    const data = segment('libx264');
    const each = framesIn(data).length;
    const half = framesIn(data.subarray(0, data.length >> 1)).length;
    writeFileSync(join(camera, '100-000000.mp4'), data.subarray(0, data.length >> 1));
    for (const second of [160, 220, 280]) writeFileSync(join(camera, `${second}-000000.mp4`), data);
    recording.poll();
    expect(recording.frames).toBe(half + 3 * each);
    appendFileSync(join(camera, '100-000000.mp4'), data.subarray(data.length >> 1));
    recording.poll();
    expect(recording.frames).toBe(half + 3 * each);
    recording.recount();
    expect(recording.frames).toBe(4 * each);
  });
});

describe.skipIf(missing !== '')(`what is on disk in the end${missing}`, () => {
  const SEI_BYTES = frameNumberSei('h264', 0).length;

  /** Ten pictures of H.264, numbered from `first` on. */
  function numbered(first: number): Buffer {
    const [stream, path] = [join(folder, 'numbered.h264'), join(folder, 'numbered.mp4')];
    const run = (...args: string[]) => execFileSync(ffmpeg ?? '', ['-v', 'error', '-y', ...args]);
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=25', '-frames:v', '10'];
    run(
      ...source,
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-bf',
      '0',
      '-x264-params',
      'threads=1',
      stream,
    );
    let next = first;
    const units = splitAnnexB(readFileSync(stream)).flatMap((nal) =>
      isSliceType('h264', nalType('h264', nal)) ? [frameNumberSei('h264', next++), nal] : [nal],
    );
    writeFileSync(stream, joinAnnexB(units));
    run(
      '-r',
      '25',
      '-i',
      stream,
      '-c',
      'copy',
      '-movflags',
      'frag_keyframe+empty_moov+default_base_moof',
      path,
    );
    return readFileSync(path);
  }

  /** A camera's recording of three segments, numbers 0 to 29, read while it was whole. */
  function recorded(name: string) {
    const camera = join(folder, 'recordings', name);
    mkdirSync(camera, { recursive: true });
    const recording = new Recording(camera);
    const paths = [0, 10, 20].map((first) => {
      const path = join(camera, `${100 + first}-000000.mp4`);
      writeFileSync(path, numbered(first));
      return path;
    });
    recording.poll();
    expect([recording.numbers.size, recording.misplaced]).toEqual([30, 0]);
    return { recording, paths };
  }

  /** Where the slice of the frame with this number begins: behind its number. */
  function sliceOf(data: Buffer, number: number): number {
    return data.indexOf(frameNumberSei('h264', number)) + SEI_BYTES + 4;
  }

  it('counts, not what was there once: a segment is deleted, another loses its tail', () => {
    const { recording, paths } = recorded('gone');
    rmSync(paths[0] ?? '');
    truncateSync(paths[2] ?? '', numbered(20).length >> 1);
    recording.recount();
    expect(recording.numbers.has(5)).toBe(false);
    expect(recording.numbers.has(15)).toBe(true);
    expect(recording.numbers.has(29)).toBe(false);
  });

  it.each([
    ['has lost its slice', (data: Buffer, at: number) => data.writeUInt8(12, at)],
    [
      'is longer than its sample',
      (data: Buffer, at: number) => data.writeUInt8(data.readUInt8(at - 3) + 1, at - 3),
    ],
    [
      'is shorter than its sample',
      (data: Buffer, at: number) => data.writeUInt8(data.readUInt8(at - 1) ^ 1, at - 1),
    ],
  ])('does not count a frame whose number is there and whose picture %s', (what, harm) => {
    const { recording, paths } = recorded(what);
    const data = numbered(10);
    harm(data, sliceOf(data, 15));
    writeFileSync(paths[1] ?? '', data);
    recording.recount();
    expect(recording.numbers.has(15)).toBe(false);
    expect([recording.frames, recording.numbers.size]).toEqual([30, 29]);
  });

  it('notices frames that are there twice, and frames in another order', () => {
    const twice = recorded('twice');
    copyFileSync(twice.paths[2] ?? '', (twice.paths[2] ?? '').replace('120-', '130-'));
    twice.recording.recount();
    expect([twice.recording.numbers.size, twice.recording.misplaced]).toEqual([30, 10]);
    const swapped = recorded('swapped');
    renameSync(swapped.paths[0] ?? '', (swapped.paths[0] ?? '').replace('100-', '115-'));
    swapped.recording.recount();
    expect([swapped.recording.numbers.size, swapped.recording.misplaced]).toEqual([30, 10]);
  });
});

describe('hostile segments', () => {
  it('are bounded: any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => expectOnlyFmp4Error(Buffer.from(bytes))),
    );
  });

  it.each([
    ['a box shorter than its header', '00000004 6d6f6f76'],
    ['a moov of two gigabytes', '00000001 6d6f6f76 0000000080000000'],
  ])('%s', (_, hex) => {
    const data = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    const source = { size: 2 ** 40, read: (at: number, length: number) => data.subarray(at, at + length) };
    expect(() => new SegmentReader().poll(source, () => undefined)).toThrow(Fmp4Error);
  });

  it('a run that claims four billion samples', () => {
    const box = (type: string, ...parts: Buffer[]) => {
      const body = Buffer.concat(parts);
      const head = Buffer.alloc(8);
      head.writeUInt32BE(body.length + 8);
      head.write(type, 4, 'latin1');
      return Buffer.concat([head, body]);
    };
    const words = (...values: number[]) => Buffer.concat(values.map((value) => uint32(value)));
    const stsd = box('stsd', words(0, 1), box('avc1', Buffer.alloc(78), box('avcC', Buffer.alloc(7, 0xff))));
    const mdia = box('mdia', box('hdlr', words(0, 0), Buffer.from('vide')), box('minf', box('stbl', stsd)));
    const moov = box('moov', box('trak', box('tkhd', words(0, 0, 0, 1)), mdia));
    const trun = box('trun', words(0, 0xffffffff));
    const moof = box('moof', box('traf', box('tfhd', words(0, 1)), trun));
    expect(() => framesIn(Buffer.concat([moov, moof, box('mdat')]))).toThrow(/samples in one fragment/);
  });
});

describe('a set of frame numbers', () => {
  it('is a set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000)), (numbers) => {
        const set = new FrameSet();
        for (const number of numbers) set.add(number);
        expect(set.size).toBe(new Set(numbers).size);
        for (const number of numbers) expect(set.has(number)).toBe(true);
        expect(set.has(100_001)).toBe(false);
      }),
    );
  });

  it.each([-1, 0.5, 2 ** 26, 2 ** 40, Number.NaN])('takes no number that cannot be: %s', (number) => {
    const set = new FrameSet();
    expect(set.add(number)).toBe(false);
    expect(set.size).toBe(0);
  });
});

function uint32(value: number): Buffer {
  const buf = Buffer.alloc(4);
  buf.writeUInt32BE(value);
  return buf;
}

function expectOnlyFmp4Error(data: Buffer): void {
  try {
    framesIn(data);
  } catch (error) {
    expect(error).toBeInstanceOf(Fmp4Error);
  }
}
