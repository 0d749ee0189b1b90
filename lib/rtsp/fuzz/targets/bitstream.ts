import type { FuzzTarget } from '@opennvr/tests/fuzz';
import {
  frameNumberSei,
  joinAnnexB,
  parseSps,
  readFrameNumber,
  splitAnnexB,
  type VideoCodec,
} from '../../src/index.ts';
import { magnitude, outcome, promise } from '../outcome.ts';

/** Of libx264 (High 1080p; High 4:4:4 with scaling lists; interlaced) and libx265 (Main 1080p; Main 10). */
const SPS = {
  h264: [
    '67640028acd940780227e5c044000003000400000300c83c60c658',
    '67f4001e919b281407b60220000003002000000641e2c5b2c0',
    '6764001eacd940b024d8088000000300800000190f8a14cb',
  ],
  h265: [
    '420101016000000300900000030000030078a003c08010e596566924caf0168080000003008000000c84',
    '42010102200000030090000003000003005aa0050201e1365959a4932bc05a020000030002000003003210',
  ],
};

const spsTarget = (name: string, codec: VideoCodec): FuzzTarget => ({
  name,
  seeds: SPS[codec].map((sps) => Buffer.from(sps, 'hex')),
  dictionary: ['000003', '00000000', 'ffffffff', '0000000080'].map((word) => Buffer.from(word, 'hex')),
  run: (input) =>
    outcome(
      () => parseSps(codec, input),
      ({ width, height, profile, level }) => {
        promise(width > 0 && height > 0 && width <= 16_888 && height <= 16_888, `size ${width} × ${height}`);
        promise(
          profile >= 0 && profile < 256 && level >= 0 && level <= 25.5,
          `profile ${profile}, level ${level}`,
        );
        return `${magnitude(width)} ${magnitude(height)} ${width % 2} ${height % 2}`;
      },
    ),
});

/** First byte: the codec; the rest: a byte stream. */
const sei: FuzzTarget = {
  name: 'sei',
  seeds: [
    Buffer.concat([
      Buffer.from([0]),
      joinAnnexB([frameNumberSei('h264', 0), frameNumberSei('h264', 2 ** 40)]),
    ]),
    Buffer.concat([
      Buffer.from([1]),
      joinAnnexB([Buffer.from([0x4e, 1, 0xff, 1, 0xff, 0, 9]), frameNumberSei('h265', 7)]),
    ]),
  ],
  dictionary: ['00000106', '0000014e01', '000003', 'ffffff'].map((word) => Buffer.from(word, 'hex')),
  run(input) {
    const codec = (input[0] ?? 0) % 2 === 0 ? 'h264' : 'h265';
    const nalUnits = splitAnnexB(input.subarray(1));
    promise(
      nalUnits.every((nal) => nal.length > 0 && nal.at(-1) !== 0),
      'a NAL unit is empty or ends in zero',
    );
    const n = readFrameNumber(codec, nalUnits);
    promise(n === undefined || Number.isSafeInteger(n), `frame number ${n}`);
    return `${codec} ${magnitude(nalUnits.length)} ${n === undefined ? 'none' : magnitude(n)}`;
  },
};

export const bitstreamTargets = [spsTarget('sps264', 'h264'), spsTarget('sps265', 'h265'), sei];
