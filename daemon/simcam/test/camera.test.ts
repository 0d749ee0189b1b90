import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram, systemClock } from '@opennvr/service';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type CameraAuth,
  type Clip,
  type SimulatedCamera,
  type SimulatedCameraOptions,
  startSimulatedCamera,
} from '../src/index.ts';
import { clipOf, ffmpeg, readCamera, until, why } from './support.ts';

const ffprobe = findProgram('ffprobe', 'FFPROBE_BIN');
const login = { username: 'viewer', password: 'pa ss:w@rd' };
const running: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await (one.close?.() ?? one.stop?.());
});

async function start(clip: Clip, options: Partial<SimulatedCameraOptions> = {}): Promise<SimulatedCamera> {
  const address = { host: '127.0.0.1', port: 0, path: 'live' };
  const camera = await startSimulatedCamera({
    clip,
    ...address,
    clock: systemClock,
    random: Math.random,
    ...options,
  });
  running.push(camera);
  return camera;
}

function read(...args: Parameters<typeof readCamera>) {
  const reader = readCamera(...args);
  running.push(reader);
  return reader;
}

const numbersTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe.skipIf(ffmpeg === undefined)(`a simulated camera${why}`, () => {
  it.each([
    { codec: 'h264', transport: 'tcp', methods: ['digest-md5'], audio: false },
    { codec: 'h264', transport: 'udp', methods: ['basic'], audio: true },
    { codec: 'h265', transport: 'tcp', methods: ['digest-sha256'], audio: true },
    { codec: 'h265', transport: 'udp', methods: undefined, audio: false },
  ] as const)(
    'sends each frame once, numbered, and knows how many: $codec over $transport, $methods',
    async ({ codec, transport, methods, audio }) => {
      const auth: CameraAuth | undefined = methods && { ...login, methods };
      const camera = await start(await clipOf({ codec, audio, seconds: audio ? 8 : 1 }), {
        transport,
        ...(auth ? { auth } : {}),
      });
      const reader = read(camera.url, codec, { transport, ...(auth ? login : {}) });
      await until(() => reader.seen.length >= 30);
      await camera.finish();

      const [session] = camera.sessions;
      const sent = camera.framesSent;
      expect(session).toEqual({ framesSent: sent, firstFrame: 0, lastFrame: sent - 1, open: false });
      expect(sent % 5).toBe(0);
      // All of them, then the keyframe without a number that lets recorders write the last one.
      expect(reader.seen.map(({ number }) => number)).toEqual([...numbersTo(sent), undefined]);
      expect(reader.seen.every(({ damaged }) => !damaged)).toBe(true);
      expect(reader.seen.filter(({ keyframe }) => keyframe)).toHaveLength(sent / 5 + 1);
      expect(camera.keyframesSent).toBe(sent / 5);
      expect(reader.audioPackets() > 0).toBe(audio);
    },
  );

  it('keeps its RTP timestamps even where the loop closes', async () => {
    const camera = await start(await clipOf());
    const reader = read(camera.url, 'h264');
    await until(() => reader.seen.length >= 60);
    const stamps = reader.seen.slice(0, 60).map(({ rtpTimestamp }) => rtpTimestamp);
    const steps = stamps.slice(1).map((stamp, at) => (stamp - (stamps[at] ?? 0)) >>> 0);
    // 25 frames a second on a 90 kHz clock; the due time is rounded to whole ticks.
    for (const step of steps) expect(Math.abs(step - 3600)).toBeLessThanOrEqual(1);
  });

  it('starts every session with a keyframe, in the middle of a GOP too', async () => {
    const camera = await start(await clipOf({ gopFrames: 25 }));
    const first = read(camera.url, 'h264');
    await until(() => first.seen.length >= 5);
    const second = read(camera.url, 'h264');
    await until(() => second.seen.length >= 5);
    expect(second.seen[0]?.keyframe).toBe(true);
    expect(second.seen[0]?.number).toBeGreaterThan(0);
    expect(camera.sessions.map(({ open }) => open)).toEqual([true, true]);
  });

  it('sends nothing and counts nothing while nobody reads', async () => {
    const camera = await start(await clipOf());
    const reader = read(camera.url, 'h264');
    await until(() => reader.seen.length >= 5);
    await reader.stop();
    await until(() => camera.sessions.every(({ open }) => !open));
    const sent = camera.framesSent;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(camera.framesSent).toBe(sent);
    const again = read(camera.url, 'h264');
    await until(() => again.seen.length >= 5);
    expect(again.seen[0]).toMatchObject({ number: sent, keyframe: true });
    await camera.finish();
  });

  it('finishes also when nobody reads', async () => {
    const camera = await start(await clipOf());
    await camera.finish();
    expect(camera.framesSent).toBe(0);
  });

  it('flaps: gone, then back at the same address', async () => {
    const camera = await start(await clipOf());
    const { url } = camera;
    const reader = read(url, 'h264');
    await until(() => reader.seen.length >= 5);
    await camera.flap(300);
    expect(camera.url).toBe(url);
    await until(() => camera.sessions.length === 2 && reader.states.at(-1) === 'playing');
    expect(reader.states).toContain('failed unreachable');
    await until(() => (camera.sessions[1]?.framesSent ?? 0) > 5);
  });

  it('changes its picture size', async () => {
    const camera = await start(await clipOf());
    const reader = read(camera.url, 'h264');
    await until(() => reader.seen.length >= 5);
    await camera.change(await clipOf({ width: 320, height: 240 }));
    await until(() => (camera.sessions[1]?.framesSent ?? 0) > 5);
    expect(camera.clip.spec.width).toBe(320);
    const numbers = reader.seen.map(({ number }) => number ?? -1);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('refuses a wrong password', async () => {
    const camera = await start(await clipOf(), { auth: { ...login, methods: ['digest-md5'] } });
    const reader = read(camera.url, 'h264', { ...login, password: 'wrong' });
    await until(() => reader.states.includes('failed unauthorized'));
    expect(camera.sessions).toEqual([]);
  });

  it.skipIf(ffprobe === undefined)(
    `is understood by ffmpeg, sound and picture${ffprobe ? '' : ' (skipped: no ffprobe)'}`,
    async () => {
      const camera = await start(await clipOf({ codec: 'h265', audio: true, seconds: 8 }));
      const { stdout } = await promisify(execFile)(
        ffprobe ?? '',
        [
          ...[
            '-v',
            'error',
            '-rtsp_transport',
            'tcp',
            '-show_entries',
            'stream=codec_name,width,height,sample_rate',
          ],
          ...['-of', 'json', camera.url],
        ],
        { timeout: 30_000 },
      );
      expect(JSON.parse(stdout).streams).toEqual([
        { codec_name: 'hevc', width: 160, height: 120 },
        { codec_name: 'aac', sample_rate: '48000' },
      ]);
    },
  );
});
