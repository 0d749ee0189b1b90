import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Adapter, of } from './support/adapter.ts';
import { type CameraServer, missing, startCamera } from './support/cameras.ts';

const _SECRET = 'pl@nted-Secret:for/grep';

describe.skipIf(missing !== '')(`recording with the real MediaMTX${missing}`, () => {
  let server: CameraServer;
  let adapter: Adapter;
  beforeAll(async () => {
    server = await startCamera({ password: 'pl@ntedSecret$for(grep' });
    adapter = await Adapter.create({ segmentSeconds: 5 });
    await adapter.start();
  });
  afterAll(async () => {
    await adapter?.stop();
    await server?.stop();
  });

  it('records a camera and tells its tracks', async () => {
    expect(await adapter.apply([of(server)])).toEqual({ added: ['door'], changed: [], removed: [] });
    await adapter.online('door');
    const status = await adapter.state('door', ({ tracks }) => (tracks[0]?.width ?? 0) > 0, 'has sizes');
    expect(status.tracks).toEqual([
      { codec: 'h264', width: 320, height: 180 },
      { codec: 'aac', width: 0, height: 0 },
    ]);
    expect(status.bytesReceived).toBeGreaterThan(0);
    expect(adapter.segments('door')[0]).toMatch(/\/door\/\d+-\d{6}\.mp4$/);
  });
});
