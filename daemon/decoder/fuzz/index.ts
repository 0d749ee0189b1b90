import { type FuzzTarget, magnitude, outcomeOf, promise } from '@opennvr/tests/fuzz';
import { joinNalUnits, splitNalUnits } from '../src/bitstream/annexb.ts';
import { type Codec, plainAccessUnit } from '../src/bitstream/plain.ts';
import { JpegStream, JpegStreamError } from '../src/jpeg-stream.ts';

/** One grey keyframe of 66 × 50 by libx264 and libx265, NAL unit by NAL unit. */
const KEYFRAMES: Record<Codec, readonly string[]> = {
  h264: [
    '6742c00ada149e2223011000000300100000030080f1226a',
    '68ce0fc8',
    '6588843a26280c9c9c9c9d75d75d75d75d75d75d75d780',
  ],
  h265: [
    '40010c01ffff01600000030090000003000003001e959409',
    '42010101600000030090000003000003001ea02881071111965654a4c2f016808000000300800000030204',
    '4401c073c189',
    '2801ad53b0053b44ae0cd408f319ff80',
  ],
};

/** What it calls plain holds exactly one start of a picture, its size is within bounds, and it stays plain. */
const plain = (codec: Codec): FuzzTarget => ({
  name: `plain-${codec}`,
  seeds: [joinNalUnits(KEYFRAMES[codec].map((unit) => Buffer.from(unit, 'hex')))],
  dictionary: [
    ...KEYFRAMES[codec].map((unit) => `00000001${unit}`),
    '000001',
    '000003',
    'ff',
    '00000000',
  ].map((word) => Buffer.from(word, 'hex')),
  run(input) {
    const found = plainAccessUnit(codec, input);
    const units = splitNalUnits(input);
    if (!found) return `refused ${units === undefined ? 'many' : magnitude(units.length)}`;
    const { width, height, annexB } = found;
    promise(Math.min(width, height) >= 32 && Math.max(width, height) <= 8192, `${width} × ${height}`);
    promise(annexB.length <= 2 * input.length + 4096, `${annexB.length} bytes of ${input.length}`);
    const kept = splitNalUnits(annexB) ?? [];
    promise(kept.filter((unit) => startsPicture(codec, unit)).length === 1, 'not one picture');
    const again = plainAccessUnit(codec, annexB);
    promise(again?.width === width && again.height === height, 'plain, but not when looked at again');
    return `${magnitude(width)} ${magnitude(height)} ${magnitude(kept.length)} ${magnitude(annexB.length)}`;
  },
});

/** first_mb_in_slice 0, or first_slice_segment_in_pic_flag. */
function startsPicture(codec: Codec, unit: Buffer): boolean {
  const [first = 0, second = 0, third = 0] = unit;
  return codec === 'h264' ? (first & 31) === 5 && second >= 0x80 : first >> 1 < 32 && third >= 0x80;
}

const outcome = outcomeOf(JpegStreamError);
/** One grey picture of 32 × 32 by ffmpeg, without its quantization tables. */
const JPEG = Buffer.from(
  'ffd8ffe000104a46494600010200000100010000ffc00011080020002003012200021100031100ffda000c03010002110311003f0000ffd000ff00ffd9',
  'hex',
);

/** The first two bytes say where the stream is cut in two: what comes out does not depend on it. */
const jpegStream: FuzzTarget = {
  name: 'jpeg-stream',
  seeds: [0, 77].map((at) => Buffer.concat([Buffer.from([at >> 8, at & 255]), JPEG, JPEG])),
  dictionary: ['ffd8', 'ffd9', 'ffda0002', 'ffc0', 'ff00', 'ffd7', 'ffff', '0002'].map((hex) =>
    Buffer.from(hex, 'hex'),
  ),
  run(input) {
    const data = input.subarray(2);
    const cut = input.length < 2 ? 0 : input.readUInt16BE(0) % (data.length + 1);
    const whole = outcome(
      () => new JpegStream().push(data),
      (pictures) => {
        const bytes = Buffer.concat(pictures.map((picture) => picture.data));
        promise(data.subarray(0, bytes.length).equals(bytes), 'other bytes than went in');
        for (const { data: jpeg, width, height } of pictures) {
          promise(width * height > 0, 'a picture without size');
          promise(
            jpeg.readUInt16BE(0) === 0xffd8 && jpeg.readUInt16BE(jpeg.length - 2) === 0xffd9,
            'its ends',
          );
        }
        return pictures.map(({ width, height }) => `${magnitude(width)}×${magnitude(height)}`).join();
      },
    );
    const inTwo = outcome(
      () => {
        const stream = new JpegStream();
        return [...stream.push(data.subarray(0, cut)), ...stream.push(data.subarray(cut))];
      },
      (pictures) => pictures.map(({ width, height }) => `${magnitude(width)}×${magnitude(height)}`).join(),
    );
    promise(inTwo === whole, `the answer depends on the chunks: ${inTwo}, not ${whole}`);
    return whole.slice(0, 200);
  },
};

export const targets: readonly FuzzTarget[] = [plain('h264'), plain('h265'), jpegStream];
