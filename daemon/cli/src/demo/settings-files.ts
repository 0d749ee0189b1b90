import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Engine } from './tools.ts';

/** Everything that the settings of a demo's programs are made of. */
export interface DemoPlaces {
  runDir: string;
  framesDir: string;
  recordingsDir: string;
  /** Clips of the simulated cameras, kept between runs. */
  clipsDir: string;
  ffmpeg: string;
  engine: Engine;
  rtspPort: number;
  webrtcPort: number;
}

/** A simulated camera: what the simulator and the engine must agree on. */
export interface SimulatedCameraPlan {
  id: string;
  codec: 'h264' | 'h265';
  transport: 'tcp' | 'udp';
  audio: boolean;
  auth: { username: string; password: string; methods: string[] } | undefined;
}

const FRAME_CAP_BYTES = 64 * 1024 * 1024;
const FRAMES_PER_CAMERA = 30;

/** Cameras by turns: H.264 with Digest authentication over TCP, H.265 with audio over UDP. */
export function planSimulatedCameras(count: number): SimulatedCameraPlan[] {
  return Array.from({ length: count }, (_, at) => {
    const id = `sim${at + 1}`;
    if (at % 2 === 1) return { id, codec: 'h265', transport: 'udp', audio: true, auth: undefined };
    // New in every run, so that no password of a demo is worth anything.
    const password = randomBytes(18).toString('base64url');
    const methods = [at % 4 === 0 ? 'digest-sha256' : 'digest-md5'];
    return {
      id,
      codec: 'h264',
      transport: 'tcp',
      audio: false,
      auth: { username: 'viewer', password, methods },
    };
  });
}

export const socketPaths = (runDir: string) => ({
  media: join(runDir, 'media', 'media.sock'),
  kaic: join(runDir, 'kaic', 'kaic.sock'),
  decoder: join(runDir, 'decoder', 'decoder.sock'),
  motion: join(runDir, 'motion', 'motion.sock'),
});

/** Writes the settings file of each program, mode 0600 as some hold passwords, and returns their paths. */
export function writeSettings(places: DemoPlaces, simulated: readonly SimulatedCameraPlan[]) {
  const { runDir, engine, ffmpeg } = places;
  const sockets = socketPaths(runDir);
  for (const folder of ['media', 'kaic', 'decoder', 'motion'])
    mkdirSync(join(runDir, folder), { mode: 0o750 });
  const folder = (name: string) => {
    const path = join(runDir, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  };
  const write = (name: string, settings: object) => {
    const path = join(runDir, `${name}.json`);
    writeFileSync(path, JSON.stringify(settings, null, 2), { mode: 0o600 });
    return path;
  };
  return {
    simcam: write('simcam', {
      ffmpeg,
      cacheDir: places.clipsDir,
      cameras: simulated.map(({ id, codec, audio, auth }) => ({
        id,
        codec,
        audio,
        ...(auth ? { auth } : {}),
      })),
    }),
    media: write('media', {
      socketPath: sockets.media,
      stateDir: folder('media-state'),
      recordingsDir: places.recordingsDir,
      runDir: folder('media-run'),
      rtsp: { host: '127.0.0.1', port: places.rtspPort },
      webrtc: { udpPort: places.webrtcPort, hosts: ['127.0.0.1'] },
      segmentSeconds: 60,
      partMs: 1000,
      ...(engine.name === 'embedded' ? { ffmpeg } : { mediamtx: { bin: engine.bin, manage: true } }),
    }),
    decoder: write('decoder', { socketPath: sockets.decoder, ffmpegPath: ffmpeg }),
    kaic: write('kaic', {
      socketPath: sockets.kaic,
      stateDir: folder('kaic-state'),
      frames: { dir: places.framesDir, capBytes: FRAME_CAP_BYTES, ring: FRAMES_PER_CAMERA },
      mediaSocket: sockets.media,
      decoderSocket: sockets.decoder,
    }),
  };
}

/** The embedded engine takes this many UDP ports in a row. */
const PORTS_IN_A_ROW = 64;

/** A TCP port of 127.0.0.1 that was free a moment ago. UDP ports from that number on are as good as free. */
export async function freePort(): Promise<number> {
  const port = await anyPort();
  return port + PORTS_IN_A_ROW <= 65_535 ? port : freePort();
}

function anyPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
