import { type FuzzTarget, magnitude, outcomeOf, promise } from '@opennvr/tests/fuzz';
import { AdtsError, parseAdts } from '../src/aac.ts';

const outcome = outcomeOf(AdtsError);

/** The sound of a clip, from ffmpeg or from the cache on disk. */
const adts: FuzzTarget = {
  name: 'adts',
  seeds: [
    'fff16c4001bffcaabbccddeeff',
    'fff16c40015ffc010203fff16c40013ffc0102',
    'fff06c40019ffcc0c0010203',
  ].map((hex) => Buffer.from(hex, 'hex')),
  dictionary: ['fff1', 'fff0', 'fff16c40', '001ffc'].map((hex) => Buffer.from(hex, 'hex')),
  run: (input) =>
    outcome(
      () => parseAdts(input),
      ({ config, sampleRate, channels, frames }) => {
        promise(config.length === 2 && sampleRate >= 8000 && channels < 8, 'a header');
        const bytes = frames.reduce((sum, { length }) => sum + length, 0);
        promise(bytes + 7 * frames.length <= input.length, 'more came out than went in');
        return `${sampleRate} ${channels} ${magnitude(frames.length)} ${magnitude(bytes)}`;
      },
    ),
};

export const targets: readonly FuzzTarget[] = [adts];
