import { validateCameras } from '@opennvr/media';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkForMediaMtx } from '../src/source-url.ts';
import { Adapter, camera } from './support/adapter.ts';
import { missing } from './support/cameras.ts';

/** Pieces that parsers of URLs, YAML and Go disagree about. */
const piece = fc.oneof(
  fc.constantFrom(
    '/',
    '?',
    '&',
    '=',
    ':',
    '@',
    '%25',
    '%2F',
    '$',
    '$G',
    '~',
    "'",
    '(',
    '*',
    ';',
    ',',
    '+',
    '//',
    '..',
  ),
  fc.constantFrom('%', '[', ']', '{', '|', '\\', '^', '`', '<', '"', 'é', '%zz', '%00', '://', 'rtsp://x@y/'),
  fc.string({ maxLength: 4 }),
);
const arbitrary = fc.record({
  url: fc.array(piece, { maxLength: 6 }).map((pieces) => `rtsp://127.0.0.1:9/${pieces.join('')}`),
  username: fc.string({ unit: 'grapheme', maxLength: 20 }),
  password: fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
});

describe.skipIf(missing !== '')(`what we accept, MediaMTX accepts${missing}`, () => {
  let adapter: Adapter;
  beforeAll(async () => {
    adapter = await Adapter.create();
    await adapter.start();
  });
  afterAll(() => adapter?.stop());

  // A configuration it refuses makes it exit, and with it every recording.
  it('whole sets of hostile URLs and credentials', async () => {
    const pid = adapter.mediamtx;
    for (let round = 0; round < 4; round++) {
      const cameras = fc
        .sample(arbitrary, 2000)
        .filter((patch) => isAccepted(patch))
        .slice(0, 200)
        .map((patch, i) => camera({ ...patch, id: `cam${i}` }));
      expect(cameras.length).toBeGreaterThan(50);
      const { added, changed } = await adapter.apply(cameras);
      expect(added.length + changed.length).toBeGreaterThan(50);
    }
    expect(adapter.mediamtx).toBe(pid);
  });
});

function isAccepted(patch: { url: string; username: string; password: string }): boolean {
  try {
    const [spec] = validateCameras([camera(patch)]);
    if (spec) checkForMediaMtx(spec, 0);
    return true;
  } catch {
    return false;
  }
}
