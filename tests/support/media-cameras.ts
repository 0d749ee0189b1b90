import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@opennvr/service';
import {
  type CameraAuth,
  type ClipSpec,
  DEFAULT_CLIP,
  loadClip,
  type SimulatedCamera,
  startSimulatedCamera,
} from '@opennvr/simcam';
import { ffmpeg } from './media-tools.ts';

export interface TestCameraOptions extends Partial<ClipSpec> {
  auth?: CameraAuth;
}

/** Small and slow enough for two cores, one keyframe a second. */
export const SMALL: ClipSpec = {
  ...DEFAULT_CLIP,
  width: 320,
  height: 180,
  fps: 10,
  gopFrames: 10,
  seconds: 8,
};

export function testClip(spec: Partial<ClipSpec> = {}) {
  return loadClip({ ...SMALL, ...spec }, { ffmpeg, cacheDir: join(tmpdir(), 'opennvr-test-clips') });
}

/** A camera of ours that numbers its frames. */
export async function testCamera({ auth, ...spec }: TestCameraOptions = {}): Promise<SimulatedCamera> {
  return startSimulatedCamera({
    clip: await testClip(spec),
    host: '127.0.0.1',
    port: 0,
    path: 'live',
    auth,
    clock: systemClock,
    random: Math.random,
  });
}

/** The distribution's own: its GStreamer bindings are built for no other. */
const PYTHON = '/usr/bin/python3';
const GSTREAMER = fileURLToPath(new URL('gstreamer-camera.py', import.meta.url));

/** Why GStreamer's RTSP server cannot be used here; undefined when it can. */
export function gstreamerMissing(): string | undefined {
  const found = spawnSync(PYTHON, [GSTREAMER, '--check']);
  return found.status === 0 ? undefined : 'no GStreamer RTSP server for Python';
}

/** An RTSP server that is not ours: `/live` H.264 and A-law, `/mjpeg` motion JPEG alone. */
export class GstreamerCamera {
  readonly #child: ChildProcess;
  readonly port: number;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<GstreamerCamera> {
    const child = spawn(PYTHON, [GSTREAMER], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return new GstreamerCamera(child, Number(line.toString()));
  }

  url(path: string): string {
    return `rtsp://127.0.0.1:${this.port}/${path}`;
  }

  async stop(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill();
    await gone;
  }
}

/** A listener that keeps all it is told, and answers RTSP requests by `reply`. */
export class TcpTrap {
  connections = 0;
  received = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(reply: (request: string, cseq: string) => string | undefined = () => undefined) {
    this.#server = createServer((socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      // A peer that hangs up hard is none of this trap's business.
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        const request = chunk.toString('latin1');
        this.received += request;
        const cseq = /^CSeq: *(\d+)/im.exec(request)?.[1];
        const answer = cseq === undefined ? undefined : reply(request, cseq);
        if (answer !== undefined) socket.write(answer);
      });
    });
  }

  /** Listens on a port of its own. */
  async listen(host = '127.0.0.1'): Promise<number> {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
