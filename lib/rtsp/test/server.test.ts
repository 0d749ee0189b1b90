import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import {
  Packetizer,
  parseRtcp,
  RtspServer,
  type RtspServerOptions,
  type ServedStream,
} from '../src/index.ts';
import { header } from '../src/message/message.ts';
import { videoTrack } from './support/camera.ts';
import { hurriedClock, realClock, until } from './support/clock.ts';
import { RawClient } from './support/raw-client.ts';
import { Recorder } from './support/recorder.ts';

const TCP = 'RTP/AVP/TCP;unicast;interleaved=0-1';
const UDP = 'RTP/AVP;unicast;client_port=29998-29999';
const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Serves an H.264 track twice over at /cam and /other. */
async function serve(options: Partial<RtspServerOptions> = {}) {
  const server = new RtspServer({
    host: '127.0.0.1',
    port: 0,
    clock: realClock,
    random: Math.random,
    ...options,
  });
  open.push(() => server.close());
  const tracks = [videoTrack('h264'), { ...videoTrack('h264', 97), index: 1 }];
  const stopped: string[] = [];
  const stream = server.addStream('/cam/', tracks, { onStop: ({ id }) => stopped.push(id) });
  server.addStream('other', tracks);
  const { port } = await server.listen();
  const url = `rtsp://127.0.0.1:${port}/cam`;
  const client = () => {
    const made = new RawClient(port);
    open.push(() => void made.socket.destroy());
    return made;
  };
  return { server, stream, port, url, client, stopped };
}

async function play(client: RawClient, url: string, transport = TCP): Promise<string> {
  const setUp = await client.request('SETUP', `${url}/trackID=0`, { Transport: transport });
  const id = header(setUp, 'session')?.split(';')[0] ?? '';
  expect((await client.request('PLAY', url, { Session: id })).status).toBe(200);
  return id;
}

/** One packet of `length` bytes of payload. */
function write(stream: ServedStream, length = 1000): void {
  const packetizer = new Packetizer({ codec: 'h264', payloadType: 96, ssrc: 1 });
  for (const packet of packetizer.packetize([Buffer.alloc(length, 0x41)], 0)) stream.writeRtp(0, packet);
}

describe('the server answers', () => {
  it('what it can do, what it cannot, and what is not there', async () => {
    const { url, client } = await serve();
    const one = client();
    expect(header(await one.request('OPTIONS', '*'), 'public')).toContain('GET_PARAMETER');
    const status = async (...request: Parameters<RawClient['request']>) =>
      (await one.request(...request)).status;
    expect(await status('PAUSE', url)).toBe(405);
    expect(await status('RECORD', url)).toBe(405);
    expect(await status('FROBNICATE', url)).toBe(501);
    expect(await status('DESCRIBE', `${url}era`)).toBe(404);
    expect(await status('PLAY', url)).toBe(454);
    expect(await status('PLAY', url, { Session: '1' })).toBe(454);
    expect(await status('GET_PARAMETER', url)).toBe(200);
    expect(await status('SETUP', `${url}/trackID=2`, { Transport: TCP })).toBe(404);
    for (const transport of ['', 'RTP/AVP;multicast', 'RAW/RAW/UDP', 'RTP/AVP/TCP;interleaved=255-256']) {
      expect(await status('SETUP', `${url}/trackID=0`, { Transport: transport }), transport).toBe(461);
    }
  });

  it('a session in its order only', async () => {
    const { url, client } = await serve();
    const one = client();
    const first = await one.request('SETUP', `${url}?x=/y/trackID=0`, { Transport: TCP });
    expect(header(first, 'transport')).toBe(TCP);
    const session = { Session: header(first, 'session')?.split(';')[0] ?? '' };
    const setUp = (track: string, transport: string, fields = session as Record<string, string>) =>
      one.request('SETUP', track, { Transport: transport, ...fields }).then(({ status }) => status);
    expect(await setUp(`${url}/trackID=1`, TCP), 'channels taken').toBe(461);
    expect(await setUp(`${url}/trackID=1`, UDP), 'another transport').toBe(461);
    expect(await setUp(`${url}/trackID=0`, TCP), 'the same track').toBe(455);
    expect(await setUp(`${url}/trackID=1`, TCP, {}), 'a second session').toBe(459);
    expect(await setUp(url.replace('cam', 'other/trackID=1'), TCP), 'another stream').toBe(459);
    expect(await setUp(`${url}/trackID=1`, TCP.replace('0-1', '2-3'))).toBe(200);
    expect((await client().request('PLAY', url, session)).status, 'from another connection').toBe(454);
    expect((await one.request('PLAY', url, session)).status).toBe(200);
    expect((await one.request('TEARDOWN', url, session)).status).toBe(200);
    expect((await one.request('PLAY', url, session)).status).toBe(454);
  });

  it('pipelined requests in their order', async () => {
    const { url, client } = await serve();
    const one = client();
    const setUp = one.request('SETUP', `${url}/trackID=0`, { Transport: UDP });
    const options = one.request('OPTIONS', url);
    await Promise.all([setUp, options]);
    expect(one.responses.map((response) => header(response, 'cseq'))).toEqual(['1', '2']);
  });

  it('sends UDP to the one who asks, never to a third party', async () => {
    const { url, client } = await serve();
    const ask = async (destination: string) => {
      const fields = { Transport: `${UDP};destination=${destination}` };
      return (await client().request('SETUP', `${url}/trackID=0`, fields)).status;
    };
    expect(await ask('192.0.2.9')).toBe(461);
    expect(await ask('127.0.0.2')).toBe(461);
    expect(await ask('127.0.0.1')).toBe(200);
  });

  it('sender reports that tie RTP time to the wall clock', async () => {
    const { url, client, stream } = await serve();
    const one = client();
    write(stream);
    await play(one, url);
    write(stream);
    await until(() => one.frames.length >= 2, 'a report and a packet');
    const [report] = parseRtcp(one.frames.find(({ channel }) => channel === 1)?.payload ?? Buffer.alloc(0));
    expect(report).toMatchObject({ type: 'sender-report', ssrc: 1, packets: 1 });
    expect(Math.abs((report?.type === 'sender-report' ? report.wallMs : 0) - Date.now())).toBeLessThan(
      60_000,
    );
  });
});

describe('a client that misbehaves is hung up on', () => {
  const cases: [string, (client: RawClient) => void][] = [
    ['garbage', ({ socket }) => socket.write('\x01\x02\x03')],
    [
      'an endless header',
      ({ socket }) => socket.write(`DESCRIBE rtsp://h/ RTSP/1.0\r\nX: ${'x'.repeat(70_000)}`),
    ],
    [
      'a body without bounds',
      ({ socket }) => socket.write('X rtsp://h RTSP/1.0\r\nContent-Length: 999999999\r\n\r\n'),
    ],
    [
      'a flood of requests',
      ({ socket }) => socket.write('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n'.repeat(1000)),
    ],
  ];
  for (const [name, attack] of cases) {
    it(name, async () => {
      const { client, url } = await serve();
      const [bad, good] = [client(), client()];
      attack(bad);
      await until(() => bad.closed, 'the end');
      expect((await good.request('DESCRIBE', url)).status).toBe(200);
    });
  }

  it('one that guesses passwords', async () => {
    const auth = { username: 'u', password: 'p', realm: 'r', methods: ['basic'] as const };
    const { client, url } = await serve({ auth });
    const one = client();
    for (let guess = 0; !one.closed; guess++) {
      const Authorization = `Basic ${Buffer.from(`u:${guess}`).toString('base64')}`;
      const { status } = await one.request('DESCRIBE', url, { Authorization });
      expect([0, 401]).toContain(status);
      expect(guess).toBeLessThan(10);
    }
  });

  it('one that connects and says nothing, one that reads UDP and has gone; a TCP reader may be silent', async () => {
    const { client, url, stream } = await serve({ clock: hurriedClock(100) });
    const [silent, udp, tcp] = [client(), client(), client()];
    await play(udp, url, UDP);
    await play(tcp, url);
    expect(stream.readers).toBe(2);
    await until(() => silent.closed && udp.closed, 'the end of both');
    expect(tcp.closed).toBe(false);
    expect(stream.readers).toBe(1);
  });

  it('one more than there is room for', async () => {
    const { client, url } = await serve({ maxConnections: 3, maxSessions: 1 });
    const [first, second, third, fourth] = [client(), client(), client(), client()];
    await play(first, url);
    expect((await second.request('SETUP', `${url}/trackID=0`, { Transport: TCP })).status).toBe(453);
    expect((await third.request('OPTIONS', url)).status).toBe(200);
    await until(() => fourth.closed, 'the fourth is refused');
  });
});

describe('a client that asks without end', () => {
  it('is cut off, whether it waits for its answers or not; others are served on', async () => {
    const { client, url } = await serve();
    const [patient, hasty, good] = [client(), client(), client()];
    hasty.socket.write(`OPTIONS ${url} RTSP/1.0\r\nCSeq: 1\r\n\r\n`.repeat(200));
    let answered = 0;
    while (!patient.closed && answered < 5000) {
      await patient.request('OPTIONS', url);
      answered++;
    }
    expect(patient.closed).toBe(true);
    await until(() => hasty.closed, 'the hasty one to be cut off');
    expect(hasty.responses.length).toBeLessThan(200);
    expect((await good.request('OPTIONS', url)).status).toBe(200);
  });
});

describe('a reader that does not read', () => {
  it('is dropped, and the others get everything', async () => {
    const { client, url, stream, stopped } = await serve({ maxQueueBytes: 100_000 });
    const [slow, quick] = [client(), client()];
    const id = await play(slow, url);
    await play(quick, url);
    slow.socket.pause();
    let sent = 0;
    while (stopped.length === 0) {
      for (let i = 0; i < 20; i++, sent++) write(stream);
      await until(
        () => quick.frames.filter(({ channel }) => channel === 0).length === sent,
        'the quick one has it all',
      );
      expect(stream.queuedBytes).toBeLessThanOrEqual(100_000);
    }
    expect(stopped).toEqual([id]);
    expect(stream.readers).toBe(1);
  });

  it('is waited for when the source can wait: the queue shows', async () => {
    const { client, url, stream, stopped } = await serve({ onSlow: 'wait' });
    const slow = client();
    await play(slow, url);
    slow.socket.pause();
    let sent = 0;
    while (stream.queuedBytes < 8_000_000) {
      for (let i = 0; i < 100; i++, sent++) write(stream);
      await new Promise((resolve) => setImmediate(resolve));
    }
    slow.socket.resume();
    await until(() => slow.frames.filter(({ channel }) => channel === 0).length === sent, 'every packet');
    expect(stopped).toEqual([]);
    expect(stream.queuedBytes).toBe(0);
  });

  it('sees no byte change under it while it is behind', async () => {
    const { client, url, stream } = await serve({ onSlow: 'wait' });
    const slow = client();
    await play(slow, url);
    slow.socket.pause();
    const packetizer = new Packetizer({ codec: 'h264', payloadType: 96, ssrc: 1 });
    const payload = (n: number) => Buffer.alloc(1000, 0x41 + (n % 16));
    let sent = 0;
    while (stream.queuedBytes < 2_000_000) {
      for (let i = 0; i < 10; i++, sent++) {
        for (const packet of packetizer.packetize([payload(sent)], 0)) stream.writeRtp(0, packet);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    slow.socket.resume();
    const rtp = () => slow.frames.filter(({ channel }) => channel === 0);
    await until(() => rtp().length === sent, 'every packet');
    const changed = rtp().filter((frame, i) => !frame.payload.subarray(12).equals(payload(i)));
    expect(changed).toEqual([]);
  });
});

const withoutOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return '';
  } catch {
    return ' (skipped: no openssl)';
  }
})();

describe.skipIf(withoutOpenssl !== '')(`RTSPS${withoutOpenssl}`, () => {
  function certificate() {
    const folder = mkdtempSync(join(tmpdir(), 'opennvr-tls-'));
    const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=camera', '-days', '1'];
    execFileSync('openssl', [...args, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const pem = { key: readFileSync(key), cert: readFileSync(cert) };
    rmSync(folder, { recursive: true });
    return { pem, fingerprint: new X509Certificate(pem.cert).fingerprint256 };
  }

  it('plays by the pinned certificate', async () => {
    const { pem, fingerprint } = certificate();
    const { stream, url } = await serve({ tls: pem });
    const recorder = new Recorder({ url: url.replace('rtsp:', 'rtsps:'), tlsFingerprint: fingerprint });
    open.push(() => recorder.source.stop());
    await until(() => stream.readers === 1, 'the reader');
    write(stream);
    await until(() => recorder.packets === 1, 'a packet');
  });

  it('says nothing to another certificate, names it, and never falls back to plain', async () => {
    const { pem, fingerprint } = certificate();
    let heard = 0;
    const impostor = createTlsServer(pem, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        heard += chunk.length;
      });
    }).listen(0, '127.0.0.1');
    open.push(() => void impostor.close());
    await until(() => impostor.listening, 'it listens');
    const { port } = impostor.address() as { port: number };
    const outcome = async (url: string, tlsFingerprint?: string) => {
      const recorder = new Recorder({
        url,
        username: 'u',
        password: 'p',
        ...(tlsFingerprint && { tlsFingerprint }),
      });
      await until(() => recorder.failure !== undefined, 'the failure');
      await recorder.source.stop();
      return recorder.failure?.error;
    };
    const pinned = await outcome(`rtsps://127.0.0.1:${port}/cam`, 'AB'.repeat(32));
    expect(pinned?.code).toBe('tls');
    expect(pinned?.message).toContain(fingerprint);
    expect((await outcome(`rtsps://127.0.0.1:${port}/cam`))?.code).toBe('tls');
    expect((await outcome(`rtsp://127.0.0.1:${port}/cam`, fingerprint))?.code).toBe('tls');
    expect(heard).toBe(0);
  });
});
