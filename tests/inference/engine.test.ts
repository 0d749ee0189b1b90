import { createServer, type Socket } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { AdapterError } from '@opennvr/adapter-sdk';
import { AdapterServiceService } from '@opennvr/proto/opennvr/inference/v1/inference';
import { describe, expect, it, vi } from 'vitest';
import { adapter, closers, connected, engineFor, feed, frame, socketPath } from './support.ts';

describe('the inference engine with real adapters', () => {
  it('publishes a result with everything that says where it comes from', async () => {
    const { path } = await adapter(({ frame: bytes }) => ({ text: bytes.toString() }));
    const { engine, detections, status } = engineFor({ fake: path });
    await connected(() => status('fake'));
    const one = frame();
    engine.onFrame(one);
    await vi.waitFor(() => expect(detections).toHaveLength(1));
    expect(detections[0]).toMatchObject({
      cameraId: 'front',
      frameUri: one.uri.replace('.h264', '.jpg'),
      captureTime: { seconds: 1_700_000_000, nanos: 123_500_000 },
      adapter: 'fake',
      adapterVersion: '1.2.3',
      modelFingerprint: `sha256:${'a'.repeat(64)}`,
      correlationId: expect.stringMatching(/^[0-9a-f]{32}$/),
      result: { text: 'jpeg' },
    });
    expect(status('fake')).toMatchObject({ results: 1, errors: 0, timeouts: 0, breaker: 'closed' });
    expect(status('fake').p50Ms).toBeGreaterThan(0);
  });

  it('gives an adapter the bytes as they came when it asks for them', async () => {
    const { path } = await adapter(({ frame: bytes }) => ({ text: bytes.toString() }), undefined, {
      input: { encodings: [2, 1], maxWidth: 0 },
    });
    const { engine, detections, pictures, status } = engineFor({ fake: path });
    await connected(() => status('fake'));
    const one = frame();
    engine.onFrame(one);
    await vi.waitFor(() => expect(detections).toHaveLength(1));
    expect(detections[0]).toMatchObject({ frameUri: one.uri, result: { text: 'annex' } });
    expect(pictures).toEqual([]);
  });

  it('counts a hanging adapter as timeouts, opens its breaker, and keeps the other adapter going', async () => {
    const hanging = await adapter(() => new Promise(() => undefined));
    const good = await adapter(() => ({}));
    const { engine, status } = engineFor({ hanging: hanging.path, good: good.path }, { deadlineMs: 60 });
    await feed(engine, () => expect(status('hanging').breaker).toBe('open'));
    expect(status('hanging')).toMatchObject({ results: 0, connected: true });
    expect(status('hanging').timeouts).toBeGreaterThanOrEqual(5);
    expect(status('hanging').detail).toContain('no answer within 60 ms');
    expect(status('good').results).toBeGreaterThan(5);
    // On a busy machine a good one is late as well, now and then.
    expect(status('good').breaker).toBe('closed');
  });

  it('goes on by itself when an adapter that failed is well again', async () => {
    let broken = true;
    const { path } = await adapter(() => {
      if (broken) throw new AdapterError('out_of_memory', 'no');
      return {};
    });
    const { engine, status } = engineFor({ fake: path });
    await feed(engine, () => expect(status('fake').breaker).toBe('open'));
    expect(status('fake').detail).toContain('out_of_memory');
    broken = false;
    await feed(engine, () =>
      expect(status('fake')).toMatchObject({ breaker: 'closed', results: expect.any(Number) }),
    );
    expect(status('fake').results).toBeGreaterThan(0);
  });

  it('reconnects to an adapter that was restarted', async () => {
    const path = socketPath();
    const first = await adapter(() => ({}), path);
    const { engine, status } = engineFor({ fake: path });
    await feed(engine, () => expect(status('fake').results).toBeGreaterThan(0));
    await first.server.close(0);
    await vi.waitFor(() => expect(status('fake').connected).toBe(false), { timeout: 10_000 });
    await adapter(() => ({}), path, { version: '2.0.0' });
    const before = status('fake').results;
    await feed(engine, () => expect(status('fake').results).toBeGreaterThan(before));
    expect(status('fake').version).toBe('2.0.0');
  });

  it('never passes on an answer that breaks the schema, and names the path', async () => {
    const path = socketPath();
    const server = new Server();
    server.addService(AdapterServiceService, {
      describe: (_: unknown, callback: (error: null, value: object) => void) =>
        callback(null, {
          ...{ name: 'liar', version: '1', vendor: 'v', license: 'l', tasks: ['t'], labels: [] },
          model: { name: 'm', version: '1', fingerprint: '' },
        }),
      infer: (_: unknown, callback: (error: null, value: object) => void) => {
        const box = { x: 0, y: 0, w: 7, h: 1 };
        const detections = [{ label: 'x', confidence: 0.5, box, trackId: '', attributes: undefined }];
        const value = { detections, classifications: [], text: '' };
        callback(null, { outcome: { $case: 'result', value } });
      },
    });
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    closers.push(() => server.forceShutdown());
    const { engine, detections, status } = engineFor({ liar: path });
    // One such answer is enough.
    await feed(engine, () => expect(status('liar')).toMatchObject({ errors: 1, breaker: 'open' }));
    expect(status('liar').detail).toContain('detections[0].box.w');
    expect(detections).toEqual([]);
  });

  it('sends nothing to an adapter whose description breaks the schema, and says what is wrong with it', async () => {
    const path = socketPath();
    const server = new Server();
    let asked = 0;
    server.addService(AdapterServiceService, {
      describe: (_: unknown, callback: (error: null, value: object) => void) =>
        callback(null, {
          ...{ name: 'x'.repeat(1000), version: '1', vendor: 'v', license: 'l', tasks: ['t'], labels: [] },
          model: { name: 'm', version: '1', fingerprint: '' },
          limits: { maxInFlight: 4_000_000_000, maxFrameBytes: 0 },
        }),
      infer: (_: unknown, callback: (error: null, value: object) => void) => {
        asked++;
        callback(null, {});
      },
    });
    await new Promise<void>((resolve, reject) =>
      server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
    closers.push(() => server.forceShutdown());
    const { engine, status } = engineFor({ boaster: path });
    await feed(engine, () => expect(status('boaster').detail).toContain('describe: name'));
    expect(status('boaster')).toMatchObject({ connected: false, results: 0 });
    expect(asked).toBe(0);
  });

  it('is not impressed by a socket that speaks garbage, or closes at once', async () => {
    const path = socketPath();
    const open = new Set<Socket>();
    const garbage = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => socket.destroy());
      if (open.size % 2 === 0) socket.destroy();
      else socket.write(Buffer.alloc(100_000, 0x5a));
    });
    await new Promise<void>((resolve) => garbage.listen(path, resolve));
    closers.push(() => {
      for (const socket of open) socket.destroy();
      garbage.close();
    });
    const good = await adapter(() => ({}));
    const { engine, status } = engineFor({ garbage: path, good: good.path });
    await feed(engine, () => expect(open.size).toBeGreaterThan(2));
    expect(status('garbage')).toMatchObject({ connected: false, results: 0 });
    await feed(engine, () => expect(status('good').results).toBeGreaterThan(5));
  });

  it('refuses an answer that is larger than 256 KiB', async () => {
    const attributes = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`blob${n}`, 'x'.repeat(60_000)]));
    const box = { x: 0, y: 0, w: 1, h: 1 };
    const { path } = await adapter(() => ({ detections: [{ label: 'x', confidence: 1, box, attributes }] }));
    const { engine, detections, status } = engineFor({ fake: path }, { deadlineMs: 5000 });
    await feed(engine, () => expect(status('fake').errors).toBeGreaterThan(0));
    expect(status('fake').detail).toContain('larger than');
    expect(detections).toEqual([]);
  });

  it('stops asking an adapter that is taken out of the plan, in flight calls included', async () => {
    let cancelled = false;
    const { path } = await adapter(
      (_, signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            cancelled = true;
            resolve({});
          }),
        ),
    );
    const { engine, status } = engineFor({ fake: path }, { deadlineMs: 60_000 });
    await connected(() => status('fake'));
    engine.onFrame(frame());
    await new Promise((resolve) => setTimeout(resolve, 100));
    engine.apply([], []);
    expect(engine.status()).toEqual([]);
    await vi.waitFor(() => expect(cancelled).toBe(true));
  });
});
