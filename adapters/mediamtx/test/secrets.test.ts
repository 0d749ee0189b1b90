import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import type {
  GetEngineRequest,
  GetEngineResponse,
  ReadUrlRequest,
  ReadUrlResponse,
} from '@opennvr/proto/opennvr/media/v1/media';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RTCPeerConnection, useH264 } from 'werift';
import { Adapter, of } from './support/adapter.ts';
import { type CameraServer, missing, startCamera } from './support/cameras.ts';
import { until } from './support/until.ts';

/** Every kind of character that a URL, YAML or a shell would take for something else. */
const SECRET = 'pl@nted#Secret$(grep)&[me]';
const FORMS = [SECRET, encodeURIComponent(SECRET), 'Secret$(grep', 'Secret%24'];

describe.skipIf(missing !== '')(`secrets${missing}`, () => {
  let server: CameraServer;
  let adapter: Adapter;
  beforeAll(async () => {
    server = await startCamera({ password: SECRET });
    adapter = await Adapter.create();
    await adapter.start();
    await adapter.apply([of(server), of(server, { id: 'gone', url: 'rtsp://127.0.0.1:9/x' })]);
    await adapter.online('door');
    await adapter.state('gone', ({ state }) => state === 3, 'has failed');
  });
  afterAll(async () => {
    await adapter?.stop();
    await server?.stop();
  });

  const own = () =>
    readFileSync(join(adapter.folder, 'state/mediamtx-users.json'), 'utf8').match(/[\w-]{32,}/g) ?? [];

  it('are in 0600 files on state, and ours are only hashes to MediaMTX', () => {
    for (const name of readdirSync(join(adapter.folder, 'state'))) {
      expect(statSync(join(adapter.folder, 'state', name)).mode & 0o777, name).toBe(0o600);
    }
    expect(statSync(join(adapter.folder, 'run/mediamtx.log')).mode & 0o777).toBe(0o600);
    expect(own()).toHaveLength(4);
    for (const secret of own()) expect(adapter.config()).not.toContain(secret);
  });

  it('are in no log, argument, environment or answer', () => {
    const seen = [
      adapter.log,
      readFileSync(join(adapter.folder, 'run/mediamtx.log'), 'utf8'),
      JSON.stringify(adapter.updates),
      ...[adapter.child?.pid, adapter.mediamtx].flatMap((pid) =>
        ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')),
      ),
    ];
    for (const text of seen) {
      expect(text.length).toBeGreaterThan(0);
      for (const secret of [...FORMS, ...own()]) expect(text).not.toContain(secret);
    }
  });

  it('what MediaMTX logs comes out of our logger, with levels', () => {
    const lines = adapter.log.split('\n').filter((line) => line.includes('"from":"mediamtx"'));
    const parsed = lines.map((line) => JSON.parse(line) as { level: string; camera?: string; msg: string });
    expect(parsed).toContainEqual(expect.objectContaining({ level: 'error', camera: 'gone' }));
    expect(parsed).toContainEqual(expect.objectContaining({ level: 'info', camera: 'door' }));
  });

  it.each([
    ['api.sock', 'GET', '/v3/paths/list'],
    ['api.sock', 'GET', '/v3/config/global/get'],
    ['whep.sock', 'POST', '/door/whep'],
    ['whep.sock', 'POST', '/door/whip'],
  ])('nobody without a password gets in at %s %s %s', async (socket, method, path) => {
    const reader = await adapter.call<ReadUrlRequest, ReadUrlResponse>(adapter.client.readUrl, {
      cameraId: 'door',
    });
    const authorization = `Basic ${Buffer.from(`${reader.username}:${reader.password}`).toString('base64')}`;
    const peer = new RTCPeerConnection({ codecs: { video: [useH264()] } });
    peer.addTransceiver('video', { direction: 'recvonly' });
    const offer = (await peer.createOffer()).sdp;
    await peer.close();
    const status = (headers: Record<string, string>) =>
      new Promise<number>((resolve, reject) => {
        const all = { 'content-type': 'application/sdp', ...headers };
        const call = request(
          { socketPath: join(adapter.folder, 'run', socket), method, path, headers: all },
          (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          },
        );
        call.on('error', reject);
        call.end(method === 'POST' ? offer : undefined);
      });
    // Before 1.16 the WHEP server says 400 where it means 401.
    expect([400, 401]).toContain(await status({}));
    // On a unix socket this header is believed: it must not help.
    expect([400, 401]).toContain(await status({ 'x-forwarded-for': '127.0.0.1' }));
    // Readers read, and do nothing else.
    expect(await status({ authorization })).toSatisfy((found: number) =>
      path === '/door/whep' ? found === 201 : found >= 400,
    );
  });

  it('RTSP needs the credentials of ReadUrl', async () => {
    const { url, username, password } = await adapter.call<ReadUrlRequest, ReadUrlResponse>(
      adapter.client.readUrl,
      {
        cameraId: 'door',
      },
    );
    expect(url).toBe(`rtsp://127.0.0.1:${adapter.settings.rtsp.port}/door`);
    const port = adapter.settings.rtsp.port;
    expect(await rtspStatus(port, url)).toBe(401);
    expect(await rtspStatus(port, url, `${username}:wrong`)).toBe(401);
    expect(await rtspStatus(port, url, `${username}:${password}`)).toBe(200);
  });

  it('listens on nothing but what it says', async () => {
    const engine = await adapter.call<GetEngineRequest, GetEngineResponse>(adapter.client.getEngine, {});
    expect(engine.name).toBe('mediamtx');
    expect(engine.version).toMatch(/^1\.\d+\.\d+$/);
    expect(engine.listeners).toEqual([
      `tcp 127.0.0.1:${adapter.settings.rtsp.port}`,
      `udp *:${adapter.settings.webrtc.udpPort}`,
      `unix ${join(adapter.folder, 'run/api.sock')}`,
      `unix ${join(adapter.folder, 'run/whep.sock')}`,
    ]);
  });
});

async function rtspStatus(port: number, url: string, credentials?: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  const authorization =
    credentials === undefined
      ? ''
      : `Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`;
  socket.write(`DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1\r\n${authorization}\r\n`);
  const status = await until(() => /^RTSP\/1\.0 (\d+)/.exec(answer)?.[1], 'an answer');
  socket.destroy();
  return Number(status);
}
