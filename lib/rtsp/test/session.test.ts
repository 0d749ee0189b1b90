import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { probeRtsp } from '../src/index.ts';
import { type Clip, Clips, withoutEncoders } from './media.ts';
import { TestCamera } from './support/camera.ts';
import { realClock, until } from './support/clock.ts';
import { inSequence, Recorder } from './support/recorder.ts';

const AUTH = { username: 'operator', password: 'pass:"word"', realm: 'a "camera"' };

describe.skipIf(withoutEncoders !== '')(`our client plays our server${withoutEncoders}`, () => {
  const clips = new Clips();
  const open: { close(): Promise<void> }[] = [];
  let h264: Clip;
  let h265: Clip;

  beforeAll(() => {
    h264 = clips.encode('h264');
    h265 = clips.encode('h265');
  });
  afterEach(async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  });
  afterAll(() => clips.remove());

  async function camera(options: Partial<ConstructorParameters<typeof TestCamera>[0]> = {}) {
    const made = new TestCamera({ clip: h264, ...options });
    open.push(made);
    return { camera: made, url: `rtsp://127.0.0.1:${await made.listen()}/cam` };
  }

  function play(options: ConstructorParameters<typeof Recorder>[0]): Recorder {
    const recorder = new Recorder(options);
    open.push({ close: () => recorder.source.stop() });
    return recorder;
  }

  for (const transport of ['tcp', 'udp'] as const) {
    for (const codec of ['h264', 'h265'] as const) {
      it(`${codec} by ${transport}, not a frame lost`, async () => {
        const { url } = await camera({ clip: codec === 'h264' ? h264 : h265 });
        const recorder = play({ url, transport });
        await until(() => recorder.units.length > 60, '60 frames');
        expect(recorder.last).toEqual({ name: 'playing', transport });
        expect(recorder.numbers[0]).toBe(0);
        expect(inSequence(recorder.numbers)).toBe(true);
        expect(recorder.units.some((unit) => unit.damaged)).toBe(false);
      });
    }
  }

  for (const method of ['basic', 'digest-md5', 'digest-sha256'] as const) {
    it(`${method} authentication, right and wrong password`, async () => {
      const { url } = await camera({ auth: { ...AUTH, methods: [method] } });
      const { username, password } = AUTH;
      const right = play({ url, username, password });
      const wrong = play({ url, username, password: 'guess' });
      const none = play({ url });
      await until(() => right.units.length > 0, 'a frame');
      await until(() => wrong.failure !== undefined && none.failure !== undefined, 'two refusals');
      for (const { failure } of [wrong, none]) expect(failure?.error?.code).toBe('unauthorized');
      expect(wrong.failure?.error?.message).not.toContain('guess');
      expect(wrong.units).toHaveLength(0);
    });
  }

  it('a nonce that went stale between two requests is replaced', async () => {
    let jumpMs = 0;
    const clock = { ...realClock, monotonic: () => performance.now() + jumpMs };
    const { url } = await camera({ clock, auth: { ...AUTH, methods: ['digest-sha256'] } });
    const { username, password } = AUTH;
    // Between DESCRIBE and SETUP, the server's nonce grows older than it may.
    const wantTrack = () => {
      jumpMs += 10 * 60_000;
      return true;
    };
    const recorder = play({ url, username, password, wantTrack });
    await until(() => recorder.units.length > 3, 'frames');
    expect(recorder.states.map(({ name }) => name)).toEqual(['connecting', 'playing']);
  });

  it('auto falls back to UDP where the camera has no TCP; tcp does not', async () => {
    const { url } = await camera({ transports: ['udp'] });
    const auto = play({ url });
    const tcp = play({ url, transport: 'tcp' });
    await until(() => auto.units.length > 5, 'frames');
    await until(() => tcp.failure !== undefined, 'a refusal');
    expect(auto.last?.transport).toBe('udp');
    expect(tcp.failure?.error).toMatchObject({ code: 'unsupported', status: 461 });
  });

  it('many readers of one stream all get every frame, and are counted', async () => {
    const { camera: served, url } = await camera();
    const recorders = [1, 2, 3, 4].map((i) => play({ url, transport: i % 2 ? 'tcp' : 'udp' }));
    await until(() => recorders.every((recorder) => recorder.units.length > 20), '20 frames each');
    for (const recorder of recorders) expect(inSequence(recorder.numbers)).toBe(true);
    expect(served.stream.readers).toBe(4);
    await recorders[0]?.source.stop();
    await until(() => served.stream.readers === 3, 'TEARDOWN arrives');
  });

  it('probes the tracks, and says what is not there', async () => {
    const { url } = await camera();
    const options = { clock: realClock, random: Math.random };
    const { tracks, server } = await probeRtsp({ url, ...options });
    expect(tracks.map((track) => track.codec)).toEqual(['h264']);
    expect(server).toBe('OpenNVR');
    await expect(probeRtsp({ url: `${url}x`, ...options })).rejects.toMatchObject({ code: 'not_found' });
    await expect(probeRtsp({ url: 'rtsp://127.0.0.1:1/x', ...options })).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('comes back after the camera went away', async () => {
    const first = new TestCamera({ clip: h264 });
    const port = await first.listen();
    const recorder = play({ url: `rtsp://127.0.0.1:${port}/cam`, backoff: { minMs: 50, maxMs: 200 } });
    await until(() => recorder.units.length > 3, 'frames');
    await first.close();
    await until(() => recorder.last?.name === 'failed', 'the failure');
    const before = recorder.units.length;
    await camera({ port });
    await until(() => recorder.units.length > before + 3, 'frames again');
    expect(recorder.failure?.error?.code).toBe('disconnected');
  });
});
