import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AccessUnitAssembler,
  probeRtsp,
  RtspSource,
  type RtspSourceOptions,
  type RtspSourceState,
  type Track,
  type VideoCodec,
} from '@opennvr/rtsp';
import { systemClock } from '@opennvr/service';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GstCamera, withoutGst } from '../support/gst.ts';

const LOGIN = { username: 'operator', password: 'a "secret", long one' };
const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Plays with our client and counts. */
function play(options: Partial<RtspSourceOptions> & { url: string }) {
  const seen = {
    states: [] as RtspSourceState[],
    packets: new Map<string, number>(),
    keyframes: 0,
    pictures: 0,
    damaged: 0,
    get failure() {
      return this.states.find((state) => state.name === 'failed')?.error;
    },
    get playing() {
      return this.states.filter((state) => state.name === 'playing').length;
    },
  };
  const assemblers = new Map<Track, AccessUnitAssembler>();
  const source = new RtspSource(
    { transport: 'auto', clock: systemClock, random: Math.random, ...options },
    {
      onState: (state) => seen.states.push(state),
      onTracks: (tracks) => {
        for (const track of tracks.filter(({ kind }) => kind === 'video')) {
          const assembler = new AccessUnitAssembler({
            codec: track.codec as VideoCodec,
            mode: 'all',
            parameterSets: track.parameterSets,
            onAccessUnit: (unit) => {
              seen.pictures++;
              if (unit.keyframe) seen.keyframes++;
              if (unit.damaged) seen.damaged++;
            },
          });
          assemblers.set(track, assembler);
        }
      },
      onPacket: (track, buf, start, end) => {
        seen.packets.set(track.codec, (seen.packets.get(track.codec) ?? 0) + 1);
        assemblers.get(track)?.push(buf, start, end);
      },
    },
  );
  source.start();
  closers.push(() => source.stop());
  return seen;
}

describe.skipIf(withoutGst !== '')(`our client plays GStreamer's server${withoutGst}`, () => {
  async function start(options: Parameters<typeof GstCamera.start>[0]): Promise<GstCamera> {
    const camera = await GstCamera.start(options);
    closers.push(() => camera.close());
    return camera;
  }

  for (const codec of ['h264', 'h265'] as const) {
    for (const transport of ['tcp', 'udp'] as const) {
      it(`${codec} with audio by ${transport}`, async () => {
        const { url } = await start({ codec, audio: true });
        const seen = play({ url, transport });
        await until(() => seen.keyframes > 2 && (seen.packets.get('pcma') ?? 0) > 10, 'pictures and sound');
        expect(seen.damaged).toBe(0);
        expect(seen.states.map(({ name }) => name)).toEqual(['connecting', 'playing']);
      });
    }
  }

  for (const method of ['basic', 'digest'] as const) {
    it(`${method} authentication`, async () => {
      const { url } = await start({ auth: { method, ...LOGIN } });
      const right = play({ url, ...LOGIN });
      const wrong = play({ url, ...LOGIN, password: 'guess' });
      await until(() => right.keyframes > 0 && wrong.failure !== undefined, 'one let in, one not');
      expect(wrong.failure?.code).toBe('unauthorized');
      const probed = await probeRtsp({ url, ...LOGIN, clock: systemClock, random: Math.random });
      expect(probed.tracks[0]?.codec).toBe('h264');
    });
  }

  it('falls back to UDP where TCP is refused', async () => {
    const { url } = await start({ protocol: 'udp' });
    const seen = play({ url });
    await until(() => seen.keyframes > 0, 'a keyframe');
    expect(seen.states.at(-1)?.transport).toBe('udp');
  });

  it('only the wanted track is sent', async () => {
    const { url } = await start({ audio: true });
    const seen = play({ url, wantTrack: (track) => track.kind === 'audio' });
    await until(() => (seen.packets.get('pcma') ?? 0) > 20, 'sound');
    expect([...seen.packets.keys()]).toEqual(['pcma']);
  });

  it('comes back after the server was killed', async () => {
    const camera = await start({});
    const seen = play({ url: camera.url, backoff: { minMs: 50, maxMs: 200 } });
    await until(() => seen.keyframes > 0, 'a keyframe');
    await camera.close();
    await until(() => seen.failure !== undefined, 'the failure');
    await start({ port: camera.port });
    await until(() => seen.playing === 2, 'playing again');
  });

  it('RTSPS: the pinned certificate and no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'opennvr-tls-'));
    closers.push(() => rmSync(folder, { recursive: true }));
    const [key, cert, pem] = ['key', 'cert', 'pem'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=camera', '-days', '1'];
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    writeFileSync(pem, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
    const { fingerprint256 } = new X509Certificate(readFileSync(cert));
    const { url } = await start({ tls: pem });
    const right = play({ url, tlsFingerprint: fingerprint256 });
    const wrong = play({
      url,
      tlsFingerprint: fingerprint256.replace(/^../, (byte) => (byte === '00' ? '01' : '00')),
    });
    const none = play({ url });
    await until(() => right.keyframes > 0, 'a keyframe');
    await until(() => wrong.failure !== undefined && none.failure !== undefined, 'two refusals');
    expect([wrong.failure?.code, none.failure?.code]).toEqual(['tls', 'tls']);
  });
});

const withoutMediamtx = spawnSync('mediamtx', ['--version']).error ? ' (skipped: no mediamtx on PATH)' : '';

describe.skipIf(withoutMediamtx !== '')(`our client plays MediaMTX${withoutMediamtx}`, () => {
  let url: string;
  let folder: string;
  const children: ReturnType<typeof spawn>[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'opennvr-mtx-'));
    const port = await freePort();
    const users = [
      { user: 'publisher', pass: 'p', permissions: [{ action: 'publish' }] },
      { user: 'reader', pass: 'r', permissions: [{ action: 'read' }] },
    ];
    const off = { rtmp: false, hls: false, webrtc: false, srt: false };
    const rtsp = { rtspAddress: `127.0.0.1:${port}`, rtspTransports: ['tcp'], rtspAuthMethods: ['digest'] };
    const file = join(folder, 'mediamtx.yml');
    const settings = { ...off, ...rtsp, authInternalUsers: users, paths: { cam: {} } };
    writeFileSync(file, JSON.stringify(settings));
    children.push(spawn('mediamtx', [file], { stdio: 'ignore', env: { ...process.env, MTX_MOQ: 'no' } }));
    url = `rtsp://127.0.0.1:${port}/cam`;
    await until(() => spawnSync('ffprobe', ['-v', 'quiet', url]).status !== null, 'it listens');
    const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=20'];
    const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '10'];
    const publish = ['-f', 'rtsp', '-rtsp_transport', 'tcp', url.replace('//', '//publisher:p@')];
    children.push(
      spawn('ffmpeg', ['-loglevel', 'quiet', ...picture, ...encode, ...publish], { stdio: 'ignore' }),
    );
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  it('with Digest authentication, once the path is published', async () => {
    const seen = play({ url, username: 'reader', password: 'r', backoff: { minMs: 50, maxMs: 500 } });
    await until(() => seen.keyframes > 2, 'keyframes');
    expect(seen.damaged).toBe(0);
    for (const { error } of seen.states) expect(error?.code ?? 'not_found').toBe('not_found');
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
