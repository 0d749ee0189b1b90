import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { status as code, type ServiceError } from '@grpc/grpc-js';
import {
  type GetFrameResponse,
  KaicServiceClient,
  Plan,
  TapState,
  type TapStatus,
  type WatchDetectionsResponse,
  type WatchStatusResponse,
} from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { CameraState } from '@opennvr/proto/opennvr/media/v1/media';
import { isKeyframeNal, splitAnnexB } from '@opennvr/rtsp';
import { dialUnix, systemClock } from '@opennvr/service';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startKaic } from '../src/kaic.ts';
import { settingsSchema } from '../src/settings.ts';
import { DecodeError, type Detection, type InferenceEngine, type StoredFrame } from '../src/types.ts';
import { type Credentials, encode, TestEngine, withoutEncoders } from './camera.ts';
import { TestMedia } from './media.ts';
import { scratch, silent, until } from './support.ts';

/** The smallest JPEG that says its size: SOI, SOF0 of 320 by 180, EOI. */
const JPEG = Buffer.from('ffd8ffc0000b0800b4014001011100ffd9', 'hex');
const { TAP_STATE_RUNNING, TAP_STATE_FAILED } = TapState;

/** Takes note of frames; detects what the test wants. */
class NotingEngine implements InferenceEngine {
  readonly frames: StoredFrame[] = [];
  detect: (detection: Detection) => void = () => undefined;
  onFrame(frame: StoredFrame): void {
    this.frames.push(frame);
  }
  apply(): void {
    this.frames.length = 0;
  }
  status() {
    return [];
  }
  onDetection(listener: (detection: Detection) => void): void {
    this.detect = listener;
  }
  async close(): Promise<void> {
    this.frames.length = 0;
  }
}

const plan = (cameras: Record<string, number>, watched = true): Plan =>
  Plan.fromPartial({
    cameras: Object.entries(cameras).map(([cameraId, ms]) => ({
      cameraId,
      interval: { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 },
    })),
    adapters: [
      { name: 'noop', socketPath: '/nowhere/noop.sock', assignments: watched ? [{ cameraId: '' }] : [] },
    ],
  });

interface Setup {
  dir?: string;
  credentials?: Credentials;
}

/** kaic with a real socket, real RTSP from a stand-in for the media engine, and no decoder or adapter. */
async function setUp({ dir = scratch(), credentials }: Setup = {}) {
  const engine = new TestEngine(credentials);
  const port = await engine.listen();
  const media = new TestMedia();
  media.address = (id) => ({
    url: `rtsp://127.0.0.1:${port}/${id}`,
    username: '',
    password: '',
    ...credentials,
  });
  await media.serve(join(dir, 'media.sock'));
  const inference = new NotingEngine();
  let decodes = 0;
  let failing: DecodeError | undefined;
  const settings = settingsSchema.parse({
    socketPath: join(dir, 'kaic.sock'),
    stateDir: join(dir, 'state'),
    frames: { dir: join(dir, 'frames'), ring: 5 },
    mediaSocket: join(dir, 'media.sock'),
    decoderSocket: join(dir, 'decoder.sock'),
    metricsSocket: join(dir, 'metrics.sock'),
  });
  const start = () =>
    startKaic(settings, {
      clock: systemClock,
      log: silent,
      random: Math.random,
      decoder: {
        decode: async () => {
          decodes++;
          await new Promise((resolve) => setTimeout(resolve, 20));
          if (failing) throw failing;
          return { jpeg: JPEG, width: 320, height: 180 };
        },
        status: () => ({ decoded: decodes, failed: 0, connected: true }),
        close: () => undefined,
      },
      engine: () => inference,
    });
  const kaic = await start();
  onTestFinished(() => kaic.close());
  const client = dialUnix(KaicServiceClient, settings.socketPath);
  onTestFinished(() => client.close());
  let newest: WatchStatusResponse | undefined;
  const watch = client.watchStatus({ interval: { seconds: 0, nanos: 1e8 } });
  watch.on('data', (status: WatchStatusResponse) => {
    newest = status;
  });
  watch.on('error', () => undefined);
  onTestFinished(() => watch.cancel());
  return {
    dir,
    engine,
    media,
    inference,
    client,
    kaic,
    start,
    decodes: () => decodes,
    failDecodes: (error: DecodeError) => {
      failing = error;
    },
    status: () => newest,
    tap: (id: string): TapStatus | undefined => newest?.taps.find(({ cameraId }) => cameraId === id),
    apply: (wanted: Plan, updateMask?: string[]) =>
      new Promise<void>((resolve, reject) =>
        client.applyPlan({ plan: wanted, updateMask }, (error) => (error ? reject(error) : resolve())),
      ),
    get: (uri: string) =>
      new Promise<GetFrameResponse>((resolve, reject) =>
        client.getFrame({ uri }, (error, response) => (error ? reject(error) : resolve(response))),
      ),
  };
}

describe.skipIf(withoutEncoders !== '')(`kaic with real streams${withoutEncoders}`, () => {
  test.each(['h264', 'h265'] as const)('%s: keyframes become frames that can be read back', async (codec) => {
    const t = await setUp({ credentials: { username: 'kaic', password: 'p w"d' } });
    t.engine.addCamera('door', codec, encode(codec));
    t.media.set('door');
    await t.apply(plan({ door: 0 }));
    const frame = await until(() => t.inference.frames[3], 'four frames');
    expect(frame).toMatchObject({ cameraId: 'door', codec, width: 320, height: 180 });
    const nalUnits = splitAnnexB(frame.annexB);
    expect(nalUnits.filter((nal) => isKeyframeNal(codec, nal))).toHaveLength(1);
    expect(nalUnits.length).toBeGreaterThanOrEqual(codec === 'h264' ? 3 : 4);

    const read = await t.get(frame.uri);
    expect(read.data.equals(frame.annexB)).toBe(true);
    expect((await t.get(`opennvr://frames/camera_door/latest.${codec}`)).data.length).toBeGreaterThan(100);
    const tap = await until(() => t.tap('door')?.keyframesStored && t.tap('door'), 'a status');
    expect(tap).toMatchObject({
      state: TAP_STATE_RUNNING,
      codec,
      width: 320,
      height: 180,
      packetsLost: 0,
      detail: '',
    });
  });

  test('a changed interval is followed without another session', async () => {
    const t = await setUp();
    t.engine.addCamera('a', 'h264', encode('h264'));
    t.media.set('a');
    await t.apply(plan({ a: 3_600_000 }));
    await until(() => (t.tap('a')?.keyframesSeen ?? 0) >= 5, 'keyframes');
    expect(t.tap('a')?.keyframesStored).toBe(1);
    await t.apply(plan({ a: 0 }));
    await until(() => (t.tap('a')?.keyframesStored ?? 0) >= 5, 'frames');
    expect(t.engine.plays.get('a')).toBe(1);
  });

  test('an interval is kept, and only as many frames as the ring holds', async () => {
    const t = await setUp();
    t.engine.addCamera('a', 'h264', encode('h264'));
    t.media.set('a');
    await t.apply(plan({ a: 400 }));
    await until(() => t.inference.frames.length >= 7, 'seven frames');
    const times = t.inference.frames.map((frame) => frame.captureTimeMs);
    for (let i = 1; i < times.length; i++) {
      expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(340);
    }
    expect(
      readdirSync(join(t.dir, 'frames/camera_a')).filter((name) => name.startsWith('frame_')),
    ).toHaveLength(5);
  });

  test('a camera that is removed and its frames go; the others keep their session', async () => {
    const t = await setUp();
    const clip = encode('h264');
    for (const id of ['a', 'b']) {
      t.engine.addCamera(id, 'h264', clip);
      t.media.set(id);
    }
    await t.apply(plan({ a: 0, b: 0 }));
    await until(() => t.tap('a')?.lastUri && t.tap('b')?.lastUri, 'frames of both');
    await t.apply(plan({ b: 0 }));
    await until(() => t.status()?.taps.length === 1, 'one tap');
    expect(readdirSync(join(t.dir, 'frames'))).toEqual(['camera_b', 'views']);
    const stored = t.tap('b')?.keyframesStored ?? 0;
    await until(() => (t.tap('b')?.keyframesStored ?? 0) > stored + 2, 'b to go on');
    expect(t.engine.plays.get('b')).toBe(1);
  });

  test('garbage from one camera is named and leaves the others alone', async () => {
    const t = await setUp();
    t.engine.addCamera('good', 'h264', encode('h264'));
    t.engine.addCamera('bad', 'h264', [
      [Buffer.from([0x67, 66, 0, 30, 1, 2, 3]), Buffer.from([0x68, 0x80]), Buffer.from([0x65, 0x88, 1, 2])],
    ]);
    for (const id of ['good', 'bad']) t.media.set(id);
    await t.apply(plan({ good: 0, bad: 0 }));
    await until(() => t.tap('bad')?.state === TAP_STATE_FAILED, 'the bad one to be marked');
    expect(t.tap('bad')?.detail).toMatch(/SPS/);
    for (let n = 0; n < 2000; n++) {
      const packet = Buffer.from(Array.from({ length: 60 }, (_, i) => (i * n * 7 + n) & 0xff));
      packet[0] = 0x80;
      packet[1] = 96;
      t.engine.sendRaw('bad', packet);
    }
    const stored = t.tap('good')?.keyframesStored ?? 0;
    await until(() => (t.tap('good')?.keyframesStored ?? 0) > stored + 5, 'the good one to go on');
    expect(t.tap('good')).toMatchObject({ state: TAP_STATE_RUNNING, packetsLost: 0 });
    expect(t.engine.plays.get('good')).toBe(1);
  });

  test('goes on with its plan when started again, by itself', async () => {
    const t = await setUp();
    t.engine.addCamera('a', 'h264', encode('h264'));
    t.media.set('a');
    await t.apply(plan({ a: 0 }));
    const before = await until(() => t.inference.frames.at(-1), 'a frame');
    await t.kaic.close();
    const again = await t.start();
    onTestFinished(() => again.close());
    expect(again.cameras).toBe(1);
    const after = await until(() => t.inference.frames.at(-1), 'a frame again');
    expect(after.number).toBeGreaterThan(before.number);
  });

  test('pictures are made once, shared, kept; and a failure has its own status', async () => {
    const t = await setUp();
    t.engine.addCamera('a', 'h264', encode('h264'));
    t.media.set('a');
    await t.apply(plan({ a: 3_600_000 }));
    const { uri } = await until(() => t.inference.frames[0], 'a frame');
    const jpg = uri.replace('.h264', '-w160.jpg');
    const all = await Promise.all([
      t.get(jpg),
      t.get(jpg),
      t.get('opennvr://frames/camera_a/latest-w160.jpg'),
    ]);
    for (const { data } of all) expect(data.equals(JPEG)).toBe(true);
    await t.get(jpg);
    expect(t.decodes()).toBe(1);
    t.failDecodes(new DecodeError('overloaded', 'busy'));
    await expect(t.get(uri.replace('.h264', '.jpg'))).rejects.toMatchObject({
      code: code.RESOURCE_EXHAUSTED,
    });
  });
});

describe('kaic and the media engine', () => {
  test('a camera that is not online is not dialled, and says why', async () => {
    const t = await setUp();
    t.engine.addCamera('a', 'h264', [[Buffer.from([0x65, 0x88])]]);
    t.media.set('a', CameraState.CAMERA_STATE_FAILED, 'wrong password');
    // Said before it is asked about: the snapshot has to have come.
    await until(() => t.status(), 'a status');
    await t.apply(plan({ a: 0 }));
    await until(() => t.tap('a')?.detail.includes('wrong password'), 'the reason');
    const { asked } = t.media;
    expect(t.engine.plays.get('a') ?? 0).toBe(0);
    t.media.set('a', CameraState.CAMERA_STATE_CONNECTING);
    await until(() => t.tap('a')?.state === TapState.TAP_STATE_CONNECTING, 'the change');
    expect(t.media.asked).toBe(asked);
    t.media.set('a');
    await until(() => t.engine.plays.get('a') === 1, 'a session');
  });

  test('an engine that comes back elsewhere with another password is found', async () => {
    const t = await setUp({ credentials: { username: 'kaic', password: 'old' } });
    t.engine.addCamera('a', 'h264', [[Buffer.from([0x65, 0x88])]]);
    t.media.set('a');
    await t.apply(plan({ a: 0 }));
    await until(() => t.engine.plays.get('a') === 1, 'a session');
    const other = new TestEngine({ username: 'kaic', password: 'new' });
    other.addCamera('a', 'h264', [[Buffer.from([0x65, 0x88])]]);
    const port = await other.listen();
    t.media.address = (id) => ({ url: `rtsp://127.0.0.1:${port}/${id}`, username: 'kaic', password: 'new' });
    await t.engine.server.close();
    await until(() => other.plays.get('a') === 1, 'a session with the other');
  });

  test('a camera the engine does not know is a failed tap, told without a secret', async () => {
    const t = await setUp();
    await t.apply(plan({ ghost: 0 }));
    const tap = await until(
      () => t.tap('ghost')?.state === TAP_STATE_FAILED && t.tap('ghost'),
      'the failure',
    );
    expect(tap.detail).toMatch(/no camera "ghost"/);
  });
});

describe('KaicService', () => {
  test('a bad plan names its field and changes nothing', async () => {
    const t = await setUp();
    await t.apply(plan({ a: 0 }));
    const bad = plan({ b: 0 });
    bad.cameras[0] = { cameraId: 'B', interval: undefined, weight: 0 };
    const refusal: ServiceError = await t.apply(bad).then(
      () => expect.unreachable(),
      (error) => error,
    );
    expect(refusal.code).toBe(code.INVALID_ARGUMENT);
    expect(refusal.details).toMatch(/^plan\.cameras\[0\]\.camera_id: /);
    await until(() => t.tap('a'), 'the old plan to stand');
  });

  test.each([
    ['opennvr://frames/camera_a/../../etc/passwd', code.INVALID_ARGUMENT],
    ['file:///etc/passwd', code.INVALID_ARGUMENT],
    ['opennvr://frames/camera_a/frame_1.h264', code.NOT_FOUND],
    ['opennvr://frames/camera_a/latest.jpg', code.NOT_FOUND],
  ])('GetFrame %s', async (uri, expected) => {
    const t = await setUp();
    await expect(t.get(uri)).rejects.toMatchObject({ code: expected });
  });

  test('a status interval out of range is refused', async () => {
    const t = await setUp();
    const stream = t.client.watchStatus({ interval: { seconds: 0, nanos: 1 } });
    const error = await new Promise<ServiceError>((resolve) => stream.on('error', resolve));
    expect(error).toMatchObject({
      code: code.INVALID_ARGUMENT,
      details: expect.stringMatching(/^interval: /),
    });
  });

  test('a watcher sees what it asked for; one that does not read loses the oldest and is told', async () => {
    const t = await setUp();
    const all: WatchDetectionsResponse[] = [];
    const doors: WatchDetectionsResponse[] = [];
    const lazy: WatchDetectionsResponse[] = [];
    const everything = t.client.watchDetections({ cameraIds: [], adapters: [] });
    const door = t.client.watchDetections({ cameraIds: ['door'], adapters: ['motion'] });
    const slow = t.client.watchDetections({ cameraIds: [], adapters: [] });
    everything.on('data', (d: WatchDetectionsResponse) => all.push(d));
    door.on('data', (d: WatchDetectionsResponse) => doors.push(d));
    for (const stream of [everything, door, slow]) {
      stream.on('error', () => undefined);
      onTestFinished(() => stream.cancel());
    }
    const emit = (cameraId: string, correlationId: string) =>
      t.inference.detect({
        cameraId,
        adapter: 'motion',
        correlationId,
        adapterVersion: '1',
        modelFingerprint: '',
        frameUri: '',
        captureTime: undefined,
        latency: undefined,
        // Large, so that the slow watcher's transport is full before long.
        result: { detections: [], classifications: [], text: 'x'.repeat(20_000) },
      });
    await until(() => {
      emit('yard', 'hello');
      return all.length > 0;
    }, 'the watchers to be there');
    const total = 1500;
    for (let n = 0; n < total; n++) {
      emit(n % 2 === 0 ? 'door' : 'yard', `${n}`);
      if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until(() => doors.some(({ correlationId }) => correlationId === `${total - 2}`), 'the door’s last');
    expect(doors.every(({ cameraId }) => cameraId === 'door')).toBe(true);
    slow.on('data', (d: WatchDetectionsResponse) => lazy.push(d));
    const last = await until(
      () => lazy.find(({ correlationId }) => correlationId === `${total - 1}`),
      'the newest',
    );
    expect(last.dropped).toBeGreaterThan(0);
    const got = lazy.filter(({ correlationId }) => correlationId !== 'hello').length;
    expect(got).toBeLessThan(total);
    expect(got + last.dropped).toBeGreaterThanOrEqual(total);
  });
});
