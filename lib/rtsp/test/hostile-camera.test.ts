import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { probeRtsp, type RtspSourceOptions } from '../src/index.ts';
import { ATTACKS, describeWith, endlessly, hurried, on, sdpWith, setupWith } from './support/attacks.ts';
import { hurriedClock, realClock, until } from './support/clock.ts';
import { answer, FakeCamera, frame, type Script, SDP } from './support/fake-camera.ts';
import { Recorder } from './support/recorder.ts';

const SECRET = 'hunter2';
const LOGIN = { username: 'operator', password: SECRET };
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const part of open.splice(0).reverse()) await part.close();
});

async function serve(script?: Script, onConnection?: (socket: Socket) => void) {
  const camera = new FakeCamera(script, onConnection);
  open.push(camera);
  return { camera, url: await camera.listen() };
}

function play(options: Partial<RtspSourceOptions> & { url: string }): Recorder {
  const recorder = new Recorder({ ...LOGIN, ...options });
  open.push({ close: () => recorder.source.stop() });
  return recorder;
}

describe('a camera that misbehaves is failed with the reason, and nothing is thrown', () => {
  for (const { name, script, code, message, options } of ATTACKS) {
    it(name, async () => {
      const { camera, url } = await serve(script);
      const recorder = play({ url, ...options });
      await until(() => recorder.failure !== undefined, 'the failure');
      expect(recorder.failure?.error?.message).toMatch(message);
      expect(recorder.failure?.error?.code).toBe(code);
      expect(recorder.failure?.error?.message).not.toContain(SECRET);
      expect(recorder.failure?.retryInMs).toBeGreaterThanOrEqual(250);
      expect(camera.requests.length).toBeLessThan(20);
    });
  }
});

describe('a camera cannot steer us', () => {
  /** `elsewhere` is the address of a listener that must never hear of us. */
  const lures: Record<string, (elsewhere: string) => Script> = {
    'a redirect of DESCRIBE': (elsewhere) =>
      on('DESCRIBE', ({ cseq }) =>
        answer(cseq, { Location: `rtsp://${elsewhere}/cam` }, '', '302 Moved Temporarily'),
      ),
    'a redirect of OPTIONS': (elsewhere) =>
      on('OPTIONS', ({ cseq }) => answer(cseq, { Location: `rtsp://${elsewhere}/` }, '', '301 Moved')),
    'a REDIRECT request while playing': (elsewhere) =>
      on(
        'PLAY',
        ({ cseq }) =>
          `${answer(cseq)}REDIRECT rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://${elsewhere}/cam\r\n\r\n`,
      ),
    'a control URL on another host': (elsewhere) =>
      describeWith({}, sdpWith(`rtsp://${elsewhere}/cam/trackID=0`)),
    'a session control URL on another host': (elsewhere) =>
      describeWith({}, SDP.replace('a=control:*', `a=control:rtsp://${elsewhere}/cam`)),
    'a control URL with our host as its user name': (elsewhere) =>
      describeWith({}, sdpWith(`rtsp://127.0.0.1:1@${elsewhere}/trackID=0`)),
    'a control URL of another scheme': (elsewhere) => describeWith({}, sdpWith(`http://${elsewhere}/`)),
    'Content-Base': (elsewhere) => describeWith({ 'Content-Base': `rtsp://${elsewhere}/cam/` }),
    'Content-Location': (elsewhere) => describeWith({ 'Content-Location': `rtsp://${elsewhere}/cam/` }),
    'RTP-Info': (elsewhere) =>
      on('PLAY', ({ cseq }) => answer(cseq, { 'RTP-Info': `url=rtsp://${elsewhere}/cam/trackID=0;seq=1` })),
    'Transport source': () => setupWith('RTP/AVP/TCP;interleaved=0-1;source=192.0.2.7'),
    'Transport destination': () => setupWith('RTP/AVP/TCP;interleaved=0-1;destination=192.0.2.7'),
  };
  for (const [name, lure] of Object.entries(lures)) {
    it(name, async () => {
      const { camera: elsewhere, url: other } = await serve();
      const address = /\/\/([^/]*)/.exec(other)?.[1] ?? '';
      const { url } = await serve(lure(address));
      const recorder = play({ url });
      await until(() => recorder.failure !== undefined, 'the failure');
      expect(recorder.failure?.error?.code).toBe('redirected');
      expect(recorder.failure?.error?.message).toMatch(/127\.0\.0\.1:\d+|192\.0\.2\.7/);
      expect(elsewhere.connections).toBe(0);
    });
  }

  it('a probe is not redirected either', async () => {
    const { camera: elsewhere, url: other } = await serve();
    const { url } = await serve(
      on('DESCRIBE', ({ cseq }) => answer(cseq, { Location: other }, '', '302 Moved Temporarily')),
    );
    const probe = probeRtsp({ url, ...LOGIN, clock: realClock, random: Math.random });
    await expect(probe).rejects.toMatchObject({ code: 'redirected', status: 302 });
    expect(elsewhere.connections).toBe(0);
  });

  it('its own host by another spelling is its own host', async () => {
    const { url } = await serve((request) => {
      if (request.method !== 'DESCRIBE') return undefined;
      return answer(
        request.cseq,
        { 'Content-Base': 'rtsp://LOCALHOST/cam/' },
        sdpWith('rtsp://127.0.0.1/cam/a'),
      );
    });
    const recorder = play({ url: url.replace('127.0.0.1', 'localhost') });
    await until(() => recorder.last?.name !== 'connecting', 'an outcome');
    expect(recorder.last?.name).toBe('playing');
  });

  it('a user name in the URL is refused before anything is connected', async () => {
    const { camera, url } = await serve();
    const recorder = play({ url: url.replace('//', `//operator:${SECRET}@`) });
    await until(() => recorder.failure !== undefined, 'the failure');
    expect(recorder.failure?.error?.message).not.toContain(SECRET);
    expect(camera.connections).toBe(0);
  });
});

describe('a camera cannot wear us out', () => {
  it('hangs up at once, over and over: attempts are few, one at a time', async () => {
    const { camera, url } = await serve(undefined, (socket) => socket.destroy());
    // The unluckiest draw there is: always the shortest wait.
    const recorder = play({ url, random: () => 0 });
    const from = performance.now();
    await until(() => camera.connections >= 5, '5 attempts');
    expect(performance.now() - from).toBeGreaterThan(4 * 250 - 20);
    expect(recorder.states.filter(({ name }) => name === 'connecting').length).toBe(camera.connections);
  });

  it('asks without end and reads no answer: the session ends, with little memory held', async () => {
    const question = 'GET_PARAMETER rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n'.repeat(1000);
    const { url } = await serve(
      on('PLAY', (_, socket) => {
        socket.pause();
        endlessly(socket, question);
        return '';
      }),
    );
    const recorder = play({ url });
    await until(() => recorder.failure !== undefined, 'the failure');
    expect(recorder.failure?.error).toMatchObject({ code: 'limit' });
  });

  it('sends frames without end and answers nothing: still a time-out, and flat memory', async () => {
    const flood = Buffer.concat(Array.from({ length: 500 }, (_, i) => frame(7, i, 1300))).toString('latin1');
    const { url } = await serve(
      on('DESCRIBE', (_, socket) => {
        socket.setDefaultEncoding('latin1');
        endlessly(socket, flood);
        return '';
      }),
    );
    const before = process.memoryUsage().rss;
    const recorder = play({ url, clock: hurriedClock(10) });
    await until(() => recorder.failure !== undefined, 'the failure');
    expect(recorder.failure?.error).toMatchObject({ code: 'stalled' });
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it('twenty bad ones beside a good one: the good one plays on', async () => {
    let sequence = 0;
    const { url: good } = await serve(
      on('PLAY', ({ cseq }, socket) => {
        const timer = setInterval(() => socket.writable && socket.write(frame(0, sequence++)), 5);
        socket.on('close', () => clearInterval(timer));
        return answer(cseq);
      }),
    );
    const recorder = play({ url: good });
    await until(() => recorder.packets > 0, 'packets');
    const bad = await Promise.all(
      ATTACKS.map(async ({ script }) => play({ url: (await serve(script)).url, ...hurried })),
    );
    await until(() => bad.every(({ failure }) => failure), 'all bad ones failed');
    const { packets } = recorder;
    await until(() => recorder.packets > packets + 20, 'more packets');
    expect(recorder.states.map(({ name }) => name)).toEqual(['connecting', 'playing']);
  });

  it('waits grow to the cap, and start over after a good session', async () => {
    let good = false;
    const { camera, url } = await serve((request, socket) => {
      if (!good) {
        socket.destroy();
      } else if (request.method === 'PLAY') {
        const timer = setInterval(() => socket.writable && socket.write(frame(0, 1)), 5);
        socket.on('close', () => clearInterval(timer));
        setTimeout(() => socket.destroy(), 800);
      }
      return undefined;
    });
    const recorder = play({ url, random: () => 1, clock: hurriedClock(100) });
    const waits = () => recorder.states.flatMap(({ retryInMs }) => retryInMs ?? []);
    await until(() => waits().length >= 9, 'nine waits');
    expect(waits().slice(0, 9)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    good = true;
    await until(() => recorder.last?.name === 'playing', 'a good session');
    const failures = waits().length;
    await until(() => waits().length > failures, 'its end');
    expect(waits()[failures]).toBe(500);
    expect(camera.open).toBeLessThanOrEqual(1);
  });
});
