import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Adapter, of } from './support/adapter.ts';
import { type CameraServer, missing, startCamera } from './support/cameras.ts';
import { pathsOf } from './support/config.ts';
import { FakeCamera } from './support/fake-camera.ts';
import { until } from './support/until.ts';

describe.skipIf(missing !== '')(`two hundred cameras as one set${missing}`, () => {
  let server: CameraServer;
  let adapter: Adapter;
  const empty = new FakeCamera('404 Not Found');
  beforeAll(async () => {
    await empty.listen();
    server = await startCamera();
    adapter = await Adapter.create();
    await adapter.start();
  });
  afterAll(async () => {
    await adapter?.stop();
    await server?.stop();
    await empty.close();
  });

  // Not recorded and, but for a few, not there: what is tested is the set, not the disk of the test machine.
  const set = (password: string) =>
    Array.from({ length: 200 }, (_, i) =>
      of(server, {
        id: `cam${i}`,
        record: false,
        password,
        ...(i < 196 ? { url: `rtsp://127.0.0.1:${empty.port}/x` } : {}),
      }),
    );

  it('are taken, told apart, and taken away again', async () => {
    const { added } = await adapter.apply(set(server.password));
    expect(added).toHaveLength(200);
    expect(pathsOf(adapter.config())).toHaveLength(200);
    for (const id of ['cam196', 'cam199']) await adapter.state(id, ({ state }) => state === 2, 'is online');
    await until(
      () => [...adapter.statuses.values()].every(({ state }) => state !== 1),
      'every camera has a state',
    );
    const failed = [...adapter.statuses.values()].filter(({ state }) => state === 3);
    const why = failed.filter(({ reason }) => reason !== 3).map(({ id, detail }) => `${id}: ${detail}`);
    expect(why).toEqual([]);
    expect(failed).toHaveLength(196);

    const { changed } = await adapter.apply(
      set(server.password).map((camera, i) => ({ ...camera, record: i === 199 })),
    );
    expect(changed).toEqual(['cam199']);
    await adapter.online('cam199');
    expect(adapter.log.match(/\[path cam199\] \[RTSP source\] started/g)).toHaveLength(1);

    expect((await adapter.apply([])).removed).toHaveLength(200);
    expect(readFileSync(adapter.configPath, 'utf8')).not.toContain('rtsp://127.0.0.1:');
    expect(adapter.statuses.size).toBe(0);
  });
});
