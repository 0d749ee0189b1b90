import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdapterError, FrameDelivery, serveAdapter } from '@opennvr/adapter-sdk';
import { FrameStore } from '@opennvr/kaic';
import { createLogger } from '@opennvr/service';
import { describe, expect, it, vi } from 'vitest';
import { adapter, closers, connected, engineFor, feed, frame, socketPath } from './support.ts';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('a hot swap', () => {
  it('moves frames to the new one once it is there; the old one finishes what it has', async () => {
    const seen: string[] = [];
    let finish: () => void = () => undefined;
    const old = await adapter(() => {
      seen.push('old');
      return new Promise((resolve) => {
        finish = () => resolve({ text: 'old' });
      });
    });
    const { engine, status, detections, apply } = engineFor({ fake: old.path }, { deadlineMs: 20_000 });
    await connected(() => status('fake'));
    engine.onFrame(frame());
    await vi.waitFor(() => expect(seen).toEqual(['old']));
    const path = socketPath();
    apply({ fake: path });
    expect(status('fake')).toMatchObject({ swap: 'warming', connected: true, socketPath: old.path });
    await adapter(() => ({ text: 'new' }), path, { version: '2.0.0' });
    await vi.waitFor(() => expect(status('fake').swap).toBe('draining'), { timeout: 10_000 });
    // The old one has the only slot it was given; the new one has its own.
    await feed(engine, () => expect(detections.some(({ result }) => result?.text === 'new')).toBe(true));
    expect(status('fake')).toMatchObject({ version: '2.0.0', socketPath: path });
    finish();
    await vi.waitFor(() => expect(detections.some(({ result }) => result?.text === 'old')).toBe(true));
    await vi.waitFor(() => expect(status('fake').swap).toBe(''));
    expect(detections.find(({ result }) => result?.text === 'old')).toMatchObject({
      adapterVersion: '1.2.3',
    });
    expect(status('fake')).toMatchObject({ errors: 0, timeouts: 0 });
  });

  it('leaves the old one at work while the new one is not healthy, and can be given up', async () => {
    const old = await adapter(() => ({ text: 'old' }));
    const { engine, status, detections, apply } = engineFor({ fake: old.path });
    await feed(engine, () => expect(detections.length).toBeGreaterThan(0));
    const broken = await adapter(() => ({}), undefined, { streaming: true });
    broken.server.health.setStatus('', 'NOT_SERVING');
    apply({ fake: broken.path });
    await wait(1000);
    expect(status('fake')).toMatchObject({ swap: 'warming', socketPath: old.path });
    const before = detections.length;
    await feed(engine, () => expect(detections.length).toBeGreaterThan(before + 5));
    apply({ fake: old.path });
    expect(status('fake')).toMatchObject({ swap: '', socketPath: old.path, connected: true });
    await feed(engine, () => expect(detections.length).toBeGreaterThan(before + 10));
  });
});

describe('what was assigned', () => {
  const at = (x: number, size = 0.1) => ({
    label: 'car',
    confidence: 1,
    box: { x, y: 0.4, w: size, h: size },
  });

  it('drops detections outside of the region and those too small, and counts them', async () => {
    const { path } = await adapter(({ region }) => ({
      text: JSON.stringify(region),
      detections: [at(0.1), at(0.6), at(0.8, 0.01), at(0.44)],
    }));
    const region = { x: 0.5, y: 0, w: 0.5, h: 1 };
    const { engine, status, detections } = engineFor(
      { fake: path },
      { assignment: { region, minimumSize: { w: 0.05, h: 0.05 } } },
    );
    await connected(() => status('fake'));
    engine.onFrame(frame());
    await vi.waitFor(() => expect(detections).toHaveLength(1));
    // The centre counts, not the corner: one at 0.44, 0.1 wide, has its centre at 0.49.
    expect(detections[0]?.result?.detections).toMatchObject([{ box: { x: 0.6 } }]);
    expect(detections[0]?.result?.text).toBe(JSON.stringify(region));
    expect(status('fake').cameras).toMatchObject([{ cameraId: 'front', results: 1, filtered: 3 }]);
  });

  it('asks nothing outside of the active hours', async () => {
    const { path } = await adapter(() => ({}));
    // The frames of these tests are captured at 22:13 UTC.
    const windows = [{ weekdays: [], start: 0, end: 60 }];
    const { engine, status } = engineFor(
      { fake: path },
      { assignment: { activeHours: { timeZone: 'UTC', windows } } },
    );
    await connected(() => status('fake'));
    for (let n = 0; n < 5; n++) engine.onFrame(frame());
    expect(status('fake').cameras).toMatchObject([{ inactive: 5, results: 0, dropped: 0 }]);
  });

  it('leaves an adapter alone for as long as it asks to be', async () => {
    let calls = 0;
    const { path } = await adapter(() => {
      calls++;
      throw new AdapterError('busy', 'later', { transient: true, retryAfterMs: 60_000 });
    });
    const { engine, status } = engineFor({ fake: path });
    await feed(engine, () => expect(status('fake').holds).toBe('retry_after'));
    for (let n = 0; n < 5; n++) engine.onFrame(frame());
    await wait(100);
    expect(calls).toBe(1);
    expect(status('fake')).toMatchObject({ breaker: 'closed', errors: 1, detail: 'busy: later' });
    expect(status('fake').retryIn?.seconds).toBeGreaterThan(50);
  });
});

describe('frames by URI', () => {
  it('are in the adapter’s view for as long as it is asked, and then are not', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'view-'));
    closers.push(() => rmSync(dir, { recursive: true, force: true }));
    const store = new FrameStore({ dir, capBytes: 1 << 20, ring: 2 });
    store.setCameras(new Set(['front', 'other']));
    const put = (cameraId: string) => {
      const stored = store.put(cameraId, 'h264', [Buffer.from(`of ${cameraId}`)], Date.now());
      if (!('uri' in stored)) throw new Error(stored.detail);
      return { ...frame(cameraId), ...stored };
    };
    put('other');
    const view = join(dir, 'views', 'fake');
    store.views.open('fake');
    const path = socketPath();
    const during: { read: string; files: string[]; viewBytes: number }[] = [];
    const server = await serveAdapter(
      {
        describe: () => ({
          ...{ name: 'fake', version: '1', vendor: 'v', license: 'l', tasks: ['t'] },
          model: { name: 'm', version: '1', fingerprint: '' },
          input: { encodings: [2], delivery: FrameDelivery.FRAME_DELIVERY_URI },
        }),
        async infer({ frame: bytes, frameUri }) {
          // The ring lets go of it meanwhile.
          for (let n = 0; n < 3; n++) put('front');
          const files = readdirSync(view, { recursive: true }).map(String);
          during.push({ read: bytes.toString(), files, viewBytes: store.status().viewBytes });
          return { text: frameUri };
        },
      },
      { socketPath: path, log: createLogger('test', { level: 'silent' }), framesDir: view },
    );
    closers.push(() => server.close(50));
    const { engine, status, detections } = engineFor({ fake: path }, { views: store.views });
    await connected(() => status('fake'));
    const one = put('front');
    engine.onFrame(one);
    await vi.waitFor(() => expect(detections).toHaveLength(1));
    const file = one.uri.replace('opennvr://frames/', '');
    expect(during).toEqual([
      { read: 'of front', files: expect.arrayContaining([file]), viewBytes: expect.any(Number) },
    ]);
    expect(during[0]?.files.filter((name) => name.includes('.'))).toEqual([file]);
    expect(during[0]?.viewBytes).toBeGreaterThan(0);
    expect(existsSync(join(view, file))).toBe(false);
    expect(store.status()).toMatchObject({ viewBytes: 0, pinnedBytes: 0 });
  });
});
