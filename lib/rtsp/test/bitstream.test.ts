import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BitReader } from '../src/bitstream/bit-reader.ts';
import {
  addEmulationPrevention,
  frameNumberSei,
  isKeyframeNal,
  joinAnnexB,
  ParameterSetTracker,
  RtspError,
  readFrameNumber,
  removeEmulationPrevention,
  splitAnnexB,
  type VideoCodec,
} from '../src/index.ts';
import { BitWriter } from './bit-writer.ts';

const codecs: VideoCodec[] = ['h264', 'h265'];
/** Bytes with many zeros and start-code-like runs. */
const treacherous = fc.array(fc.oneof(fc.constantFrom(0, 0, 0, 1, 2, 3, 4), fc.nat(255)), { maxLength: 200 });

describe('annex B', () => {
  test('three and four byte start codes, leading and trailing zeros', () => {
    const stream = Buffer.from([
      9, 0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0, 0, 1, 0x65, 3, 0, 0,
    ]);
    expect(splitAnnexB(stream)).toEqual([
      Buffer.from([0x67, 1]),
      Buffer.from([0x68, 2]),
      Buffer.from([0x65, 3]),
    ]);
  });

  test('nothing in a stream without start code', () => {
    expect(splitAnnexB(Buffer.from([0x67, 1, 2, 3]))).toEqual([]);
    expect(splitAnnexB(Buffer.alloc(0))).toEqual([]);
  });

  test('split undoes join for every NAL unit an encoder may write', () => {
    const nal = treacherous.map((bytes) =>
      Buffer.concat([Buffer.from([0x65]), addEmulationPrevention(Buffer.from(bytes))]),
    );
    fc.assert(
      fc.property(fc.array(nal, { maxLength: 8 }), (nalUnits) => {
        expect(splitAnnexB(joinAnnexB(nalUnits))).toEqual(nalUnits);
      }),
    );
  });
});

describe('emulation prevention', () => {
  test('the table of H.264 7.4.1', () => {
    expect(addEmulationPrevention(Buffer.from([0, 0, 1]))).toEqual(Buffer.from([0, 0, 3, 1]));
    expect(addEmulationPrevention(Buffer.from([0, 0, 0, 0, 4]))).toEqual(Buffer.from([0, 0, 3, 0, 0, 4]));
    expect(removeEmulationPrevention(Buffer.from([7, 0, 0, 3, 0, 0, 3, 1]))).toEqual(
      Buffer.from([7, 0, 0, 0, 0, 1]),
    );
  });

  test('removing undoes adding, and what was added to holds no start code', () => {
    fc.assert(
      fc.property(treacherous, (bytes) => {
        // A payload ends in its stop bit, never in a zero byte.
        const rbsp = Buffer.from([...bytes, 0x80]);
        const nal = addEmulationPrevention(rbsp);
        expect(removeEmulationPrevention(nal)).toEqual(rbsp);
        for (const code of [
          [0, 0, 0],
          [0, 0, 1],
          [0, 0, 2],
        ])
          expect(nal.includes(Buffer.from(code))).toBe(false);
      }),
    );
  });
});

describe('bit reader', () => {
  test('exp-Golomb codes come back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff_fffe }), { maxLength: 20 }), (values) => {
        const writer = new BitWriter();
        for (const value of values) writer.ue(value);
        const reader = new BitReader(writer.bytes(), 'test');
        expect(values.map(() => reader.ue('value'))).toEqual(values);
      }),
    );
  });

  test('signed codes, H.264 table 9-3', () => {
    const writer = new BitWriter();
    for (const code of [0, 1, 2, 3, 4]) writer.ue(code);
    const reader = new BitReader(writer.bytes(), 'test');
    expect([0, 1, 2, 3, 4].map(() => reader.se('value') + 0)).toEqual([0, 1, -1, 2, -2]);
  });

  test('never past the end', () => {
    const reader = new BitReader(Buffer.from([0xff]), 'thing');
    expect(() => reader.bits(9)).toThrow(new RtspError('protocol', 'thing ends early'));
    expect(() => new BitReader(Buffer.from([0xff]), 'thing').skip(9)).toThrow(RtspError);
  });
});

describe('keyframe', () => {
  test('H.264 type 5, H.265 types 16 to 23', () => {
    const types = (codec: VideoCodec, of: number[]) =>
      of.filter((type) => isKeyframeNal(codec, Buffer.from([codec === 'h264' ? 0x60 | type : type << 1, 1])));
    expect(types('h264', [...Array(32).keys()])).toEqual([5]);
    expect(types('h265', [...Array(64).keys()])).toEqual([16, 17, 18, 19, 20, 21, 22, 23]);
    expect(isKeyframeNal('h264', Buffer.alloc(0))).toBe(false);
  });
});

describe.each(codecs)('%s frame number SEI', (codec) => {
  test('comes back, without a start code inside', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (n) => {
        const sei = frameNumberSei(codec, n);
        expect(splitAnnexB(joinAnnexB([sei]))).toEqual([sei]);
        expect(readFrameNumber(codec, [Buffer.from([0x09, 0xf0]), sei])).toBe(n);
      }),
    );
    expect(readFrameNumber(codec, [frameNumberSei(codec, 0)])).toBe(0);
  });

  test('behind another message in the same NAL unit', () => {
    const ours = removeEmulationPrevention(frameNumberSei(codec, 77));
    const header = codec === 'h264' ? 1 : 2;
    // payloadType 255 + 1, payloadSize 255 + 4
    const other = Buffer.concat([Buffer.from([0xff, 1, 0xff, 4]), Buffer.alloc(259, 7)]);
    const sei = Buffer.concat([ours.subarray(0, header), other, ours.subarray(header)]);
    expect(readFrameNumber(codec, [addEmulationPrevention(sei)])).toBe(77);
  });

  test('somebody else’s user data and lying sizes are no number', () => {
    const sei = frameNumberSei(codec, 5);
    const foreign = Buffer.from(sei);
    foreign.writeUInt8(foreign.readUInt8(8) ^ 1, 8);
    expect(readFrameNumber(codec, [foreign])).toBeUndefined();
    // Our UUID with a number of four bytes.
    const short = Buffer.concat([sei.subarray(0, sei.length - 5), Buffer.from([0x80])]);
    short.writeUInt8(20, codec === 'h264' ? 2 : 3);
    expect(readFrameNumber(codec, [short])).toBeUndefined();
    for (let length = 0; length < sei.length - 1; length++) {
      expect(readFrameNumber(codec, [sei.subarray(0, length)])).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        readFrameNumber(codec, [Buffer.concat([sei.subarray(0, 2), bytes])]);
      }),
    );
  });
});

describe('parameter sets in force', () => {
  const observe = (tracker: ParameterSetTracker, bytes: number[]) => {
    const nal = Buffer.from([0xee, ...bytes, 0xee]);
    return tracker.observe(nal, 1, nal.length - 1);
  };

  test('in-band ones replace those of the description, by id', () => {
    const sps = Buffer.from([0x67, 66, 0, 30, 0x80]);
    const pps0 = Buffer.from([0x68, 0b1000_0000, 1]);
    const pps1 = Buffer.from([0x68, 0b0100_0000, 1]);
    const tracker = new ParameterSetTracker('h264', { sps, pps: pps0, more: [pps1] });
    expect(tracker.complete).toBe(true);
    expect(observe(tracker, [...pps1])).toBe(false);
    expect(observe(tracker, [0x68, 0b0100_0000, 2])).toBe(true);
    expect(tracker.all()).toEqual([sps, pps0, Buffer.from([0x68, 0b0100_0000, 2])]);
  });

  test('a decoder’s order, whatever the order of arrival; H.265 needs all three', () => {
    const tracker = new ParameterSetTracker('h265');
    for (const nal of [
      [0x44, 1, 0x80],
      [0x42, 1, 9],
      [0x40, 1, 0x10],
    ]) {
      expect(tracker.complete).toBe(false);
      expect(observe(tracker, nal)).toBe(true);
    }
    expect(tracker.complete).toBe(true);
    expect(tracker.all().map((nal) => nal[0])).toEqual([0x40, 0x42, 0x44]);
  });

  test('slices, headers alone and giants are not kept, nor are more than 32', () => {
    const tracker = new ParameterSetTracker('h264');
    expect(observe(tracker, [0x65, 1, 2])).toBe(false);
    expect(observe(tracker, [0x67])).toBe(false);
    expect(observe(tracker, [0x67, ...Array(9000).fill(1)])).toBe(false);
    for (let id = 0; id < 256; id++) observe(tracker, [0x68, ...new BitWriter().ue(id).bytes()]);
    expect(tracker.all()).toHaveLength(32);
  });
});
