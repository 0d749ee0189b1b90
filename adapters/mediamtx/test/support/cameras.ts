import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { findProgram } from '@opennvr/service';
import { until } from './until.ts';

export const mediamtxBin = findProgram('mediamtx', 'MEDIAMTX_BIN');
/** Cameras stay the same whichever version is tested. */
const cameraBin = findProgram('mediamtx') ?? mediamtxBin;
export const ffmpegBin = findProgram('ffmpeg', 'FFMPEG_BIN');

/** In a test's name: why it is skipped. */
export const missing =
  mediamtxBin === undefined
    ? ' (skipped: no mediamtx)'
    : ffmpegBin === undefined
      ? ' (skipped: no ffmpeg)'
      : '';

export interface CameraServer {
  port: number;
  url(path?: string): string;
  username: string;
  password: string;
  /** SHA-256 of the certificate; '' without TLS. */
  fingerprint: string;
  stop(): Promise<void>;
}

/** A port nobody has; somebody may take it before we do, so ports of tests are drawn at random by the kernel. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

/** A clip of ten seconds: H.264 320x180, a keyframe a second, AAC. */
function clip(size = '320x180'): string {
  const folder = mkdtempSync(join(tmpdir(), 'opennvr-clip-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, `${size}.mp4`);
  const input = [
    '-f',
    'lavfi',
    '-i',
    `testsrc2=size=${size}:rate=25`,
    '-f',
    'lavfi',
    '-i',
    'sine=frequency=440',
  ];
  const video = [
    '-c:v',
    'libx264',
    '-preset',
    'ultrafast',
    '-tune',
    'zerolatency',
    '-g',
    '25',
    '-pix_fmt',
    'yuv420p',
  ];
  const output = [...video, '-c:a', 'aac', '-t', '10', '-y', path];
  execFileSync(ffmpegBin ?? '', ['-v', 'error', ...input, ...output]);
  return path;
}

/** A camera that is not ours: a MediaMTX of its own, fed by ffmpeg, with Digest authentication and streams `a` to `z`. */
export async function startCamera(
  options: { port?: number; password?: string; size?: string; transport?: 'udp'; tls?: boolean } = {},
): Promise<CameraServer> {
  const folder = mkdtempSync(join(tmpdir(), 'opennvr-camera-'));
  let port = options.port ?? (await freePort());
  const username = 'admin';
  const password = options.password ?? 's3cret-of-the-camera';
  const config = (rtp: number) => ({
    authInternalUsers: [
      { user: username, pass: password, permissions: [{ action: 'read' }] },
      { user: 'any', permissions: [{ action: 'publish' }] },
    ],
    rtspAddress: `127.0.0.1:${port}`,
    rtspTransports: options.transport ? [options.transport] : ['udp', 'tcp'],
    rtpAddress: `127.0.0.1:${rtp}`,
    rtcpAddress: `127.0.0.1:${rtp + 1}`,
    rtspAuthMethods: ['digest'],
    rtmp: false,
    hls: false,
    webrtc: false,
    srt: false,
    paths: { '~^[a-z]$': {} },
  });
  const launch = () => {
    const file = join(folder, 'camera.yml');
    writeFileSync(file, JSON.stringify(config(20_000 + 2 * Math.floor(Math.random() * 5000))));
    const env = { PATH: process.env.PATH, MTX_MOQ: 'false' };
    return spawn(cameraBin ?? '', [file], { stdio: 'ignore', cwd: folder, env });
  };
  let server = launch();
  await until(async () => {
    if (server.exitCode === null) return accepts(port);
    // Somebody else was quicker with one of its ports.
    port = options.port ?? (await freePort());
    server = launch();
    return false;
  }, 'the camera listens');
  const source = ['-v', 'error', '-re', '-stream_loop', '-1', '-i', clip(options.size)];
  const pusher = spawn(
    ffmpegBin ?? '',
    [
      ...source,
      '-c',
      'copy',
      '-f',
      'rtsp',
      '-rtsp_transport',
      options.transport ?? 'tcp',
      `rtsp://127.0.0.1:${port}/a`,
    ],
    { stdio: 'ignore' },
  );
  const tls = options.tls ? await wrapInTls(port, folder) : undefined;
  return {
    port,
    username,
    password,
    url: (path = 'a') => (tls ? `rtsps://127.0.0.1:${tls.port}/${path}` : `rtsp://127.0.0.1:${port}/${path}`),
    fingerprint: tls?.fingerprint ?? '',
    stop: async () => {
      tls?.close();
      await Promise.all([end(pusher), end(server)]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else {
      child.once('exit', () => resolve());
      child.kill(signal);
    }
  });
}

/** TLS before the camera's own port, as cameras do it: RTP inside is not encrypted once more. */
async function wrapInTls(port: number, folder: string) {
  const key = join(folder, 'key.pem');
  const cert = join(folder, 'cert.pem');
  const subject = ['-subj', '/CN=camera', '-days', '2', '-nodes'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const pem = readFileSync(cert);
  const server = createTlsServer({ key: readFileSync(key), cert: pem }, (socket) => {
    const behind = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      one.on('error', () => one.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  const tlsPort = await freePort();
  await new Promise<void>((resolve) => server.listen(tlsPort, '127.0.0.1', resolve));
  const fingerprint = new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  return { port: tlsPort, fingerprint, close: () => server.close() };
}
