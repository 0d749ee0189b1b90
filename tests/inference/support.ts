import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Adapter, serveAdapter } from '@opennvr/adapter-sdk';
import {
  AdapterEngine,
  type AssignmentPlan,
  type Detection,
  type FrameViews,
  type StoredFrame,
} from '@opennvr/kaic';
import { createLogger, systemClock } from '@opennvr/service';
import { afterEach, expect, vi } from 'vitest';

const log = createLogger('test', { level: 'silent' });
export const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'engine-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'a.sock');
}

export async function adapter(infer: Adapter['infer'], path = socketPath(), change: object = {}) {
  const describe: Adapter['describe'] = () => ({
    name: 'fake',
    version: '1.2.3',
    vendor: 'v',
    license: 'MIT',
    model: { name: 'm', version: '1', fingerprint: `sha256:${'a'.repeat(64)}` },
    tasks: ['test'],
    ...change,
  });
  const server = await serveAdapter({ describe, infer }, { socketPath: path, log });
  closers.push(() => server.close(50));
  return { path, server };
}

export function engineFor(
  sockets: Record<string, string>,
  options: {
    deadlineMs?: number;
    cameras?: string[];
    assignment?: Partial<AssignmentPlan>;
    views?: FrameViews;
  } = {},
) {
  const pictures: string[] = [];
  const engine = new AdapterEngine({
    clock: systemClock,
    log,
    random: Math.random,
    views: options.views ?? { grant: () => () => undefined, count: () => 0 },
    pictures: {
      async jpeg(frame, maxWidth) {
        pictures.push(`${frame.cameraId}/${frame.number}/${maxWidth}`);
        const uri = `opennvr://frames/camera_${frame.cameraId}/frame_${frame.number}.jpg`;
        return { data: Buffer.from('jpeg'), uri, width: 320, height: 180 };
      },
    },
  });
  closers.push(() => engine.close());
  const detections: Detection[] = [];
  engine.onDetection((detection) => detections.push(detection));
  const cameras = options.cameras ?? ['front'];
  const everything = {
    cameraId: '',
    intervalMs: 0,
    region: undefined,
    minimumSize: { w: 0, h: 0 },
    activeHours: undefined,
    ...options.assignment,
  };
  const apply = (on: Record<string, string>) =>
    engine.apply(
      Object.entries(on).map(([name, path]) => ({
        name,
        socketPath: path,
        deadlineMs: options.deadlineMs ?? 300,
        maxInFlight: 0,
        queueLength: 2,
        view: name,
        assignments: [everything],
      })),
      cameras.map((cameraId) => ({ cameraId, weight: 1 })),
    );
  apply(sockets);
  const status = (name: string) => {
    const found = engine.status().find((one) => one.name === name);
    if (!found) throw new Error(`no adapter ${name}`);
    return found;
  };
  return { engine, detections, pictures, status, apply };
}

let number = 0;
export function frame(cameraId = 'front'): StoredFrame {
  number++;
  return {
    cameraId,
    number,
    uri: `opennvr://frames/camera_${cameraId}/frame_${number}.h264`,
    codec: 'h264',
    width: 640,
    height: 360,
    captureTimeMs: 1_700_000_000_123.5,
    byteLength: 5,
    annexB: Buffer.from('annex'),
  };
}

export const connected = (status: () => { connected: boolean }) =>
  vi.waitFor(() => expect(status().connected).toBe(true), { timeout: 10_000, interval: 10 });

/** Offers frames until `done`, so that a test does not depend on how fast things connect. */
export async function feed(engine: AdapterEngine, done: () => void, cameras = ['front']) {
  await vi.waitFor(
    () => {
      for (const camera of cameras) engine.onFrame(frame(camera));
      done();
    },
    { timeout: 20_000, interval: 20 },
  );
}
