import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
