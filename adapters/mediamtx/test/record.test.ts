import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Adapter, of } from './support/adapter.ts';
import { accepts, type CameraServer, end, mediamtxBin, missing, startCamera } from './support/cameras.ts';
import { lostFrames } from './support/segments.ts';
import { until } from './support/until.ts';

describe.skipIf(missing !== '')(`recording with the real MediaMTX${missing}`, () => {
  let server: CameraServer;
  let adapter: Adapter;
  beforeAll(async () => {
    server = await startCamera();
    adapter = await Adapter.create({ segmentSeconds: 4 });
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

  it('loses no frame of a camera while others come, change and go', async () => {
    const others = Array.from({ length: 4 }, (_, i) => of(server, { id: `other${i}` }));
    await adapter.apply([of(server), ...others]);
    // Within a second of the last change MediaMTX does not look at the file: these go through its API.
    expect(await adapter.apply([of(server), ...others.slice(2)])).toMatchObject({
      removed: ['other0', 'other1'],
    });
    await adapter.apply([
      of(server),
      of(server, { id: 'other2', record: false }),
      of(server, { id: 'other3' }),
    ]);
    await adapter.online('other3');
    await adapter.state(
      'other2',
      ({ state, recording }) => state === 2 && !recording,
      'is online, not recording',
    );
    const count = adapter.segments('door').length;
    await until(() => adapter.segments('door').length >= count + 2, 'two more segments');
    expect(lostFrames(adapter.segments('door').slice(0, -1), 25)).toEqual({
      lost: 0,
      checked: expect.any(Number),
    });
    expect(adapter.log.match(/\[path door\] \[RTSP source\] started/g)).toHaveLength(1);
  });

  it('switches recording off and on without asking the camera again', async () => {
    await adapter.apply([of(server, { record: false })]);
    await adapter.state('door', ({ recording }) => !recording, 'does not record');
    const size = adapter.segments('door').map((file) => statSync(file).size);
    await adapter.apply([of(server)]);
    await adapter.online('door');
    expect(adapter.segments('door').map((file) => statSync(file).size)).not.toEqual(size);
    expect(adapter.log.match(/\[path door\] \[RTSP source\] started/g)).toHaveLength(1);
  });

  it('names the field of a set it refuses, and applies nothing of it', async () => {
    const before = adapter.config();
    const bad = [of(server), of(server, { id: 'b', url: 'rtsp://127.0.0.1/%zz' })];
    await expect(adapter.apply(bad)).rejects.toThrow(/INVALID_ARGUMENT: cameras\[1\]\.url: /);
    await expect(adapter.apply([of(server, { id: 'all_others' })])).rejects.toThrow('cameras[0].id');
    await expect(adapter.apply([of(server, { password: '' })])).rejects.toThrow('cameras[0].password');
    expect(adapter.config()).toBe(before);
  });

  it('starts and records from its file alone', async () => {
    await adapter.kill();
    const pid = adapter.mediamtx;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    // Its arguments are gone from /proc before its sockets are closed.
    await until(async () => !(await accepts(adapter.settings.rtsp.port)), 'MediaMTX is gone');
    const before = adapter.segments('door').length;
    const alone = spawn(mediamtxBin ?? '', [adapter.configPath], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {},
    });
    let said = '';
    alone.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    try {
      const file = await until(
        () => adapter.segments('door')[before],
        () => `a new segment; MediaMTX said ${said}`,
      );
      const size = statSync(file).size;
      await until(() => statSync(file).size > size, 'it grows');
    } finally {
      await end(alone);
    }
  });
});
