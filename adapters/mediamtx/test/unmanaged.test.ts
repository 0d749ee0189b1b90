import { type ChildProcess, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Adapter, of } from './support/adapter.ts';
import { type CameraServer, end, mediamtxBin, missing, startCamera } from './support/cameras.ts';
import { until } from './support/until.ts';

/** As on the appliance: a service manager keeps MediaMTX, the adapter only talks to it. */
describe.skipIf(missing !== '')(`a MediaMTX that somebody else keeps${missing}`, () => {
  let server: CameraServer;
  let adapter: Adapter;
  let mediamtx: ChildProcess | undefined;
  const startMediaMtx = () => {
    mediamtx = spawn(mediamtxBin ?? '', [adapter.configPath], { stdio: 'ignore', env: {} });
  };
  beforeAll(async () => {
    server = await startCamera();
    adapter = await Adapter.create({ mediamtx: { bin: mediamtxBin, manage: false } });
  });
  afterAll(async () => {
    await adapter?.stop();
    if (mediamtx) await end(mediamtx);
    await server?.stop();
  });

  it('is found when it comes, and used', async () => {
    // The very first start: there is no file until the adapter has run once.
    const ready = adapter.start();
    await until(() => adapter.hasConfig(), 'the file is there');
    startMediaMtx();
    await ready;
    await adapter.apply([of(server)]);
    await adapter.online('door');
  });

  it('is not started by us when it dies, and found again', async () => {
    if (mediamtx) await end(mediamtx);
    await adapter.state('door', ({ reason }) => reason === 10, 'the engine is down');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(adapter.mediamtx).toBeUndefined();
    startMediaMtx();
    await adapter.online('door');
  });

  it('goes on when the adapter stops', async () => {
    const child = adapter.child;
    child?.kill('SIGTERM');
    await until(() => child?.exitCode === 0, 'the adapter ends');
    expect(adapter.mediamtx).toBe(mediamtx?.pid);
  });
});
