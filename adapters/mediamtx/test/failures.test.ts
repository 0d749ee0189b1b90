import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Adapter, camera, of } from './support/adapter.ts';
import { type CameraServer, freePort, missing, startCamera } from './support/cameras.ts';
import { pathsOf } from './support/config.ts';
import { FakeCamera } from './support/fake-camera.ts';
import { TwoFacedCamera } from './support/two-faced.ts';
import { until } from './support/until.ts';

const FAILED = 3;
const REDIRECTED = 4;

describe.skipIf(missing !== '')(`why a camera fails${missing}`, () => {
  let server: CameraServer;
  let adapter: Adapter;
  beforeAll(async () => {
    server = await startCamera();
    adapter = await Adapter.create();
    await adapter.start();
  });
  afterAll(async () => {
    await adapter?.stop();
    await server?.stop();
  });

  it('tells unreachable, wrong password and not found apart, from the first answer on', async () => {
    const closed = await freePort();
    await adapter.apply([
      camera({ id: 'unreachable', url: `rtsp://127.0.0.1:${closed}/x` }),
      of(server, { id: 'password', password: 'wrong' }),
      of(server, { id: 'nothing', url: server.url('z') }),
    ]);
    for (const [id, reason] of [
      ['unreachable', 1],
      ['password', 2],
      ['nothing', 3],
    ] as const) {
      const status = await adapter.state(id, ({ state }) => state === FAILED, 'has failed');
      expect(status).toMatchObject({ reason, recording: false });
      expect(status.detail).not.toBe('');
    }
  });

  it('a camera that comes back is online again', async () => {
    const port = await freePort();
    await adapter.apply([of(server, { id: 'flapping', url: `rtsp://127.0.0.1:${port}/a` })]);
    await adapter.state('flapping', ({ state }) => state === FAILED, 'has failed');
    const late = await startCamera({ port });
    await adapter.online('flapping');
    await late.stop();
    await adapter.state(
      'flapping',
      ({ state, reason }) => state === FAILED && reason === 1,
      'is unreachable',
    );
  });

  it('a camera that redirects is never told to MediaMTX, and nobody else hears its password', async () => {
    const elsewhere = new FakeCamera('404 Not Found');
    await elsewhere.listen();
    const turncoat = new FakeCamera(`302 Moved\r\nLocation: rtsp://127.0.0.1:${elsewhere.port}/trap`);
    await turncoat.listen();
    const url = `rtsp://127.0.0.1:${turncoat.port}/x`;
    await adapter.apply([
      camera({ id: 'turncoat', url, username: 'admin', password: 'hush-hush' }),
      of(server),
    ]);
    await adapter.state('turncoat', ({ reason }) => reason === REDIRECTED, 'is held back');
    await adapter.online('door');
    expect(pathsOf(adapter.config())).toEqual(['door']);
    // Also over a restart: it is in the set, and still not in MediaMTX.
    await adapter.kill();
    await adapter.start();
    await adapter.state('turncoat', ({ reason }) => reason === REDIRECTED, 'is held back');
    expect(pathsOf(adapter.config())).toEqual(['door']);
    expect(elsewhere.heard).toEqual([]);
    await Promise.all([turncoat.close(), elsewhere.close()]);
  });

  it('a camera that redirects later is taken away from MediaMTX, and let back in once it behaves', async () => {
    const elsewhere = new FakeCamera('404 Not Found');
    await elsewhere.listen();
    const port = await freePort();
    await adapter.apply([of(server, { id: 'turning', url: `rtsp://127.0.0.1:${port}/a` })]);
    await adapter.state('turning', ({ state }) => state === FAILED, 'has failed');
    const turncoat = new FakeCamera(`301 Moved\r\nLocation: rtsp://127.0.0.1:${elsewhere.port}/trap`);
    await turncoat.listen(port);
    await adapter.state('turning', ({ reason }) => reason === REDIRECTED, 'is held back');
    await until(() => pathsOf(adapter.config()).length === 0, 'it is out of the file');
    await turncoat.close();
    const honest = await startCamera({ port });
    await adapter.online('turning');
    await Promise.all([honest.stop(), elsewhere.close()]);
  }, 90_000);

  it('a camera that redirects MediaMTX alone is caught by its connections, and stays out', async () => {
    const elsewhere = await startCamera();
    const twoFaced = new TwoFacedCamera(server.port, elsewhere.url());
    await twoFaced.listen();
    const lured = of(server, { id: 'lured', url: `rtsp://127.0.0.1:${twoFaced.port}/a` });
    await adapter.apply([lured, of(server)]);
    const status = await adapter.state('lured', ({ reason }) => reason === REDIRECTED, 'is caught');
    expect(status.detail).toContain('led MediaMTX to another address');
    expect(pathsOf(adapter.config())).toEqual(['door']);
    await adapter.kill();
    await adapter.start();
    await adapter.state('lured', ({ reason }) => reason === REDIRECTED, 'is still out');
    await adapter.online('door');
    // Whoever changes its settings gives it another chance.
    await twoFaced.close();
    await adapter.apply([{ ...lured, url: server.url() }, of(server)]);
    await adapter.online('lured');
    await elsewhere.stop();
  }, 90_000);

  it('a camera that sends MediaMTX to another of our cameras is caught as well', async () => {
    const twoFaced = new TwoFacedCamera(server.port, server.url());
    await twoFaced.listen();
    const lured = of(server, { id: 'lured', url: `rtsp://127.0.0.1:${twoFaced.port}/a` });
    await adapter.apply([lured, of(server)]);
    await adapter.state('lured', ({ reason }) => reason === REDIRECTED, 'is caught');
    expect(pathsOf(adapter.config())).toEqual(['door']);
    await adapter.online('door');
    await twoFaced.close();
  }, 90_000);
});
