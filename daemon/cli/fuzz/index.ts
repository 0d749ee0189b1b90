import { type FuzzTarget, magnitude, outcomeOf, promise, words } from '@opennvr/tests/fuzz';
import { Fmp4Error } from '../src/footage/boxes.ts';
import { type ByteSource, type RecordedFrame, SegmentReader } from '../src/footage/segment.ts';
import { FRAGMENTED_MP4 } from './seeds.ts';

const outcome = outcomeOf(Fmp4Error);

/** A segment of a recorder's, read whole, and read while it grows: cut at the place that the first two bytes name. */
const segment: FuzzTarget = {
  name: 'segment',
  seeds: [0, 800].map((at) => Buffer.concat([Buffer.from([at >> 8, at & 255]), FRAGMENTED_MP4])),
  dictionary: [
    ...words('moov', 'moof', 'mdat', 'trak', 'stsd', 'avcC', 'hvcC', 'traf', 'tfhd', 'trun', 'trex', 'vide'),
    ...['00000008', '00000001', '0000000000000010', '7fffffff', '00000fff'].map((hex) =>
      Buffer.from(hex, 'hex'),
    ),
  ],
  run(input) {
    const data = input.subarray(2);
    const cut = input.length < 2 ? 0 : input.readUInt16BE(0) % (data.length + 1);
    const read = (sizes: readonly number[]) => {
      const frames: RecordedFrame[] = [];
      const answer = outcome(
        () => {
          const reader = new SegmentReader();
          for (const size of sizes) reader.poll(upTo(data, size), (frame) => frames.push(frame));
        },
        () => 'read',
      );
      const numbers = frames.filter(({ number }) => number !== undefined).length;
      return `${magnitude(frames.length)} ${frames[0]?.codec} ${magnitude(numbers)} ${answer}`;
    };
    const whole = read([data.length]);
    promise(read([cut, data.length]) === whole, 'the answer depends on when it is read');
    return whole;
  },
};

function upTo(data: Buffer, size: number): ByteSource {
  return {
    size,
    read(offset, length) {
      promise(Number.isSafeInteger(offset) && offset >= 0 && length >= 0 && length <= 4 << 20, 'a wild read');
      return data.subarray(Math.min(offset, size), Math.min(offset + length, size));
    },
  };
}

export const targets: readonly FuzzTarget[] = [segment];
