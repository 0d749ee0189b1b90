import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Adapter, of } from './support/adapter.ts';
import { type CameraServer, missing, startCamera } from './support/cameras.ts';
import { until } from './support/until.ts';

describe.skipIf(missing !== '')(`who survives whom${missing}`, () => {
  let server: CameraServer;
  let adapter: Adapter;
  beforeAll(async () => {
    server = await startCamera();
    adapter = await Adapter.create();
    await adapter.start();
    await adapter.apply([of(server)]);
    await adapter.online('door');
  });
  afterAll(async () => {
    await adapter?.stop();
    await server?.stop();
  });

  const growth = async () => {
    const file = adapter.segments('door').at(-1) ?? '';
    const { size } = statSync(file);
    await until(() => statSync(file).size > size, 'the segment grows');
  };

  it('recording goes on when the adapter is killed, and the next one takes MediaMTX over as it is', async () => {
    const pid = adapter.mediamtx;
    expect(pid).toBeGreaterThan(0);
    await adapter.kill();
    await growth();
    expect(adapter.mediamtx).toBe(pid);
    await adapter.start();
    expect(adapter.mediamtx).toBe(pid);
    await adapter.online('door');
    expect(adapter.segments('door')).toHaveLength(1);
    expect(adapter.log).toContain('took over the MediaMTX that was running');
  });

  it('MediaMTX is started again when it is killed, and says so meanwhile', async () => {
    const pid = adapter.mediamtx ?? 0;
    adapter.updates.length = 0;
    process.kill(pid, 'SIGKILL');
    await until(() => adapter.mediamtx !== undefined && adapter.mediamtx !== pid, 'another MediaMTX runs');
    await adapter.online('door');
    const told = adapter.updates.flatMap(({ cameras }) =>
      cameras.map(({ state, reason }) => ({ state, reason })),
    );
    expect(told).toContainEqual({ state: 3, reason: 10 });
    await growth();
  });

  it('it is started again as well when the adapter that started it is not this one', async () => {
    await adapter.kill();
    await adapter.start();
    const pid = adapter.mediamtx ?? 0;
    process.kill(pid, 'SIGKILL');
    await until(() => adapter.mediamtx !== undefined && adapter.mediamtx !== pid, 'another MediaMTX runs');
    await adapter.online('door');
  });

  it('a MediaMTX that knows other cameras than the file is put right', async () => {
    await adapter.apply([of(server), of(server, { id: 'gate' })]);
    await adapter.online('gate');
    await adapter.apply([of(server)]);
    expect([...adapter.statuses.keys()]).toEqual(['door']);
  });

  it('stops MediaMTX when it is stopped itself', async () => {
    const child = adapter.child;
    child?.kill('SIGTERM');
    await until(() => child?.exitCode === 0, 'the adapter ends with status 0');
    expect(adapter.mediamtx).toBeUndefined();
  });
});
