import fc from 'fast-check';
import { splitNalUnits } from '../src/bitstream/annexb.ts';
import { type Codec, plainAccessUnit } from '../src/bitstream/plain.ts';
import { JpegStream, JpegStreamError } from '../src/jpeg-stream.ts';

/** A property, and how many inputs got past the parser: without any, it says nothing. */
export interface Fuzzed {
  name: string;
  property: fc.IProperty<[Buffer]>;
  accepted(): number;
}

/** Bytes changed, cut out or put in, mostly near the front, where the headers are. */
function mutated(seed: Buffer): fc.Arbitrary<Buffer> {
  const position = fc.oneof(fc.nat(Math.min(120, seed.length - 1)), fc.nat(seed.length - 1));
  const edit = fc.tuple(position, fc.nat(3), fc.uint8Array({ minLength: 1, maxLength: 6 }));
  return fc.array(edit, { maxLength: 5 }).map((edits) => {
    let bytes = seed;
    for (const [at, cut, put] of edits) {
      bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
    }
    return bytes;
  });
}

function inputs(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc.oneof(
    ...seeds.map(mutated),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.concat([Buffer.from([0, 0, 1]), bytes])),
  );
}

/** Never throws; what it calls plain holds exactly one start of a picture, and sizes within bounds. */
export function fuzzPlain(codec: Codec, seeds: readonly Buffer[]): Fuzzed {
  let accepted = 0;
  const property = fc.property(inputs(seeds), (bytes) => {
    const plain = plainAccessUnit(codec, bytes);
    if (!plain) return true;
    accepted++;
    const starts = (splitNalUnits(plain.annexB) ?? []).filter((unit) => startsPicture(codec, unit));
    const { width, height } = plain;
    return starts.length === 1 && Math.min(width, height) >= 32 && Math.max(width, height) <= 8192;
  });
  return { name: `plain-${codec}`, property, accepted: () => accepted };
}

/** first_mb_in_slice 0, or first_slice_segment_in_pic_flag. */
function startsPicture(codec: Codec, unit: Buffer): boolean {
  const [first = 0, second = 0, third = 0] = unit;
  return codec === 'h264' ? (first & 31) === 5 && second >= 0x80 : first >> 1 < 32 && third >= 0x80;
}

/** Throws its own error only; what it gives out runs from SOI to EOI and is what went in. */
export function fuzzJpegStream(seeds: readonly Buffer[]): Fuzzed {
  let accepted = 0;
  const property = fc.property(inputs(seeds), (bytes) => {
    try {
      const pictures = new JpegStream().push(bytes);
      accepted += pictures.length;
      const whole = Buffer.concat(pictures.map(({ data }) => data));
      return (
        bytes.subarray(0, whole.length).equals(whole) &&
        pictures.every(
          ({ data, width, height }) =>
            data.readUInt16BE(0) === 0xffd8 &&
            data.readUInt16BE(data.length - 2) === 0xffd9 &&
            width * height > 0,
        )
      );
    } catch (error) {
      return error instanceof JpegStreamError;
    }
  });
  return { name: 'jpeg-stream', property, accepted: () => accepted };
}
