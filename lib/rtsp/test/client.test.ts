import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { parseRtcp, type RtspSourceOptions } from '../src/index.ts';
import { hurriedClock, realClock, until } from './support/clock.ts';
import {
  answer,
  FakeCamera,
  type FakeRequest,
  frame,
  goodAnswer,
  type Script,
} from './support/fake-camera.ts';
import { Recorder } from './support/recorder.ts';

const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function play(script: Script, options: Partial<RtspSourceOptions> = {}) {
  const camera = new FakeCamera(script);
  open.push(() => camera.close());
  const recorder = new Recorder({ url: await camera.listen(), ...options });
  open.push(() => recorder.source.stop());
  return { camera, recorder };
}

/** Answers PLAY and sends packets from then on. */
const playing: Script = ({ method, cseq }, socket) => {
  if (method !== 'PLAY') return undefined;
  let n = 0;
  const timer = setInterval(() => socket.writable && socket.write(frame(0, n++)), 5);
  socket.on('close', () => clearInterval(timer));
  return answer(cseq, { Session: '1' });
};

describe('keep-alive', () => {
  // Sessions of the fake camera time out after 24 s.
  const clock = hurriedClock(100);
  const after = (camera: FakeCamera, method: string) => {
    const from = camera.requests.findIndex((request) => request.method === 'PLAY');
    return camera.requests.slice(from).filter((request) => request.method === method);
  };

  it("by GET_PARAMETER, of the session, at half the server's timeout", async () => {
    const waits: number[] = [];
    const noting = {
      ...clock,
      after: (ms: number, fn: () => void) => {
        waits.push(ms);
        return clock.after(ms, fn);
      },
    };
    const { camera, recorder } = await play(playing, { clock: noting });
    await until(() => after(camera, 'GET_PARAMETER').length >= 3, 'three');
    expect(waits).toContain(12_000);
    expect(camera.requests.at(-1)?.text).toMatch(/^Session: 1$/m);
    expect(recorder.last?.name).toBe('playing');
  });

  it('by OPTIONS where GET_PARAMETER is not offered, or offered and refused', async () => {
    const without: Script = (request, ...rest) =>
      request.method === 'OPTIONS' ? answer(request.cseq, { Public: 'PLAY' }) : playing(request, ...rest);
    const refused: Script = (request, ...rest) =>
      request.method === 'GET_PARAMETER'
        ? answer(request.cseq, {}, '', '451 Parameter Not Understood')
        : playing(request, ...rest);
    for (const [script, most] of [
      [without, 0],
      [refused, 1],
    ] as const) {
      const { camera, recorder } = await play(script, { clock });
      await until(() => after(camera, 'OPTIONS').length >= 2, 'two');
      expect(after(camera, 'GET_PARAMETER').length).toBe(most);
      expect(recorder.last?.name).toBe('playing');
    }
  });

  it('unanswered is no end while packets come, and a late answer neither', async () => {
    const late: Script = (request, socket, camera) => {
      if (request.method !== 'GET_PARAMETER') return playing(request, socket, camera);
      setTimeout(() => socket.writable && socket.write(answer(request.cseq)), 250);
      return '';
    };
    const { camera, recorder } = await play(late, { clock });
    await until(() => after(camera, 'GET_PARAMETER').length >= 4, 'four');
    expect(recorder.states.map(({ name }) => name)).toEqual(['connecting', 'playing']);
  });

  it('of a session that is gone is the end', async () => {
    const gone: Script = (request, ...rest) =>
      request.method === 'GET_PARAMETER'
        ? answer(request.cseq, {}, '', '454 Session Not Found')
        : playing(request, ...rest);
    const { recorder } = await play(gone, { clock });
    await until(() => recorder.failure !== undefined, 'the failure');
    expect(recorder.failure?.error).toMatchObject({ code: 'disconnected', status: 454 });
  });
});

describe('UDP', () => {
  async function udp(
    address = '127.0.0.1',
  ): Promise<{ socket: UdpSocket; port: number; received: Buffer[] }> {
    const socket = createSocket('udp4');
    const received: Buffer[] = [];
    socket.on('message', (packet) => received.push(packet));
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    open.push(() => void socket.close());
    return { socket, port: socket.address().port, received };
  }

  const rtp = (sequenceNumber: number) => frame(0, sequenceNumber).subarray(4);

  for (const namesPorts of [true, false]) {
    it(`takes packets from the camera alone, in order (${namesPorts ? 'with' : 'without'} server ports)`, async () => {
      const [media, control] = [await udp(), await udp()];
      const [sameHost, otherHost] = [await udp(), await udp('127.0.0.2')];
      let clientPort = 0;
      const { recorder } = await play(
        (request: FakeRequest) => {
          if (request.method !== 'SETUP') return undefined;
          clientPort = Number(/client_port=(\d+)/.exec(request.text)?.[1]);
          const ports = namesPorts ? `;server_port=${media.port}-${control.port}` : '';
          const Transport = `RTP/AVP;unicast;client_port=${clientPort}-${clientPort + 1}${ports};source=127.0.0.1`;
          return answer(request.cseq, { Transport, Session: '1' });
        },
        { transport: 'udp', wantTrack: ({ kind }) => kind === 'video' },
      );
      await until(() => recorder.last?.name === 'playing', 'playing');
      if (namesPorts) {
        await until(() => media.received.length > 0 && control.received.length > 0, 'the way is opened');
        expect(parseRtcp(control.received[0] ?? Buffer.alloc(0))[0]?.type).toBe('receiver-report');
      }
      const impostors = namesPorts ? [sameHost, otherHost] : [otherHost];
      for (const { socket } of impostors) socket.send(rtp(7), clientPort);
      media.socket.send(Buffer.from('no RTP'), clientPort);
      for (const n of [10, 12, 11, 11, 13]) media.socket.send(rtp(n), clientPort);
      await until(() => recorder.packets >= 4, 'four packets');
      for (const { socket } of impostors) socket.send(rtp(14), clientPort);
      media.socket.send(rtp(14), clientPort);
      await until(() => recorder.packets >= 5, 'the fifth');
      expect(recorder.sequence).toEqual([10, 11, 12, 13, 14]);
    });
  }

  it('is not mixed with TLS', async () => {
    const recorder = new Recorder({ url: 'rtsps://127.0.0.1:1/', transport: 'udp', tlsFingerprint: 'ab' });
    open.push(() => recorder.source.stop());
    await until(() => recorder.failure !== undefined, 'the failure');
    expect(recorder.failure?.error?.code).toBe('unsupported');
  });
});

describe('stop', () => {
  it('says TEARDOWN and calls no handler any more', async () => {
    const { camera, recorder } = await play(playing);
    await until(() => recorder.packets > 0, 'packets');
    await recorder.source.stop();
    const { packets, states } = recorder;
    await until(() => camera.open === 0, 'the connection is closed');
    expect(camera.requests.at(-1)?.method).toBe('TEARDOWN');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([recorder.packets, recorder.states.length]).toEqual([packets, states.length]);
  });

  it('at any moment lets go', async () => {
    for (const moment of ['OPTIONS', 'DESCRIBE', 'SETUP', 'PLAY']) {
      const { camera, recorder } = await play((request) => {
        if (request.method !== moment) return undefined;
        void recorder.source.stop();
        return goodAnswer(request);
      });
      await until(() => camera.requests.length > 0 && camera.open === 0, `stopped at ${moment}`);
      expect(recorder.states.map(({ name }) => name)).toEqual(['connecting']);
    }
  });

  it('while it rests from reading, without waiting for the time-out', async () => {
    // On this clock the one second that a goodbye may take never ends.
    const after = (ms: number, fn: () => void) => realClock.after(ms === 1000 ? 1e8 : ms, fn);
    const { camera, recorder } = await play(playing, { clock: { ...realClock, after } });
    await until(() => recorder.packets > 0, 'packets');
    recorder.source.readEvery(3_600_000);
    const { packets } = recorder;
    await until(() => recorder.packets > packets, 'the last read');
    await recorder.source.stop();
    await until(() => camera.open === 0, 'the connection is closed');
    expect(camera.requests.at(-1)?.method).toBe('TEARDOWN');
  });

  it('while it waits to try again', async () => {
    const { camera, recorder } = await play((_, socket) => {
      socket.destroy();
      return undefined;
    });
    await until(() => recorder.last?.name === 'failed', 'the failure');
    await recorder.source.stop();
    const { connections } = camera;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(camera.connections).toBe(connections);
  });
});

describe('credentials', () => {
  for (const login of [
    { username: 'a\r\nX: y', password: 'p' },
    { username: 'a', password: 'p\0' },
  ]) {
    it(`with a control character are refused before anything is connected: ${JSON.stringify(login)}`, async () => {
      const { camera, recorder } = await play(playing, login);
      await until(() => recorder.failure !== undefined, 'the failure');
      expect(recorder.failure?.error?.code).toBe('unsupported');
      expect(camera.connections).toBe(0);
    });
  }
});
