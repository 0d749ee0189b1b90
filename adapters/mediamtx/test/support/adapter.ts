import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type ApplyCamerasResponse,
  type Camera,
  type CameraStatus,
  MediaServiceClient,
  type WatchCamerasResponse,
} from '@opennvr/proto/opennvr/media/v1/media';
import { dialUnix } from '@opennvr/service';
import { findMediaMtx } from '../../src/processes.ts';
import { type CameraServer, end, freePort, mediamtxBin } from './cameras.ts';
import { until } from './until.ts';

let bundled: Promise<string> | undefined;

/** The real program, as it is shipped. */
function program(): Promise<string> {
  bundled ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'opennvr-bundle-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const outfile = join(folder, 'opennvr-media-mediamtx.js');
    const { bundle } = await import('../../../../scripts/bundle.mjs');
    await bundle(fileURLToPath(new URL('../../src/main.ts', import.meta.url)), outfile);
    return outfile;
  })();
  return bundled;
}

/** The adapter as a process of its own, with folders and ports nobody else has. */
export class Adapter {
  readonly folder = mkdtempSync(join(tmpdir(), 'opennvr-mtx-'));
  readonly client: MediaServiceClient;
  readonly statuses = new Map<string, CameraStatus>();
  readonly updates: WatchCamerasResponse[] = [];
  readonly settings: Record<string, unknown> & {
    rtsp: { port: number };
    webrtc: { udpPort: number; hosts: string[] };
  };
  log = '';
  child: ChildProcess | undefined;

  private constructor(rtspPort: number, udpPort: number, overrides: Record<string, unknown>) {
    this.settings = {
      socketPath: join(this.folder, 'media.sock'),
      stateDir: join(this.folder, 'state'),
      recordingsDir: join(this.folder, 'recordings'),
      runDir: join(this.folder, 'run'),
      rtsp: { port: rtspPort },
      webrtc: { udpPort, hosts: ['127.0.0.1'] },
      mediamtx: { bin: mediamtxBin, manage: true },
      ...overrides,
    };
    this.client = dialUnix(MediaServiceClient, join(this.folder, 'media.sock'));
  }

  static async create(overrides: Record<string, unknown> = {}): Promise<Adapter> {
    return new Adapter(await freePort(), await freePort(), overrides);
  }

  get configPath(): string {
    return join(this.folder, 'state', 'mediamtx.yml');
  }

  get mediamtx(): number | undefined {
    return findMediaMtx(mediamtxBin ?? '', this.configPath)?.pid;
  }

  async start(): Promise<void> {
    const file = join(this.folder, 'settings.json');
    writeFileSync(file, JSON.stringify(this.settings));
    const child = spawn(process.execPath, [await program(), '--settings', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH },
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    this.child = child;
    const line = /MediaMTX \d+\.\d+\.\d+ with \d+ cameras/;
    const from = this.log.length;
    await until(() => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the adapter ended: ${this.log.slice(-2000)}`);
      return line.test(this.log.slice(from));
    }, 'the adapter is ready');
    this.#watch();
  }

  /** Kills the adapter alone. */
  async kill(): Promise<void> {
    if (this.child) await end(this.child);
  }

  async stop(): Promise<void> {
    if (this.child) await end(this.child, 'SIGTERM');
    const left = this.mediamtx;
    if (left !== undefined) process.kill(left, 'SIGKILL');
    this.client.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  apply(cameras: Partial<Camera>[]): Promise<ApplyCamerasResponse> {
    return new Promise((resolve, reject) => {
      this.client.applyCameras({ cameras: cameras.map(camera) }, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  }

  /** Any other unary call. */
  call<Q, A>(
    method: (request: Q, callback: (error: Error | null, response: A) => void) => unknown,
    request: Q,
  ): Promise<A> {
    return new Promise((resolve, reject) => {
      method.call(this.client, request, (error, response) => (error ? reject(error) : resolve(response)));
    });
  }

  /** Waits until the stream of changes has told that a camera is so. */
  state(
    id: string,
    test: (status: CameraStatus) => boolean,
    what: string,
    limitMs?: number,
  ): Promise<CameraStatus> {
    return until(
      () => {
        const status = this.statuses.get(id);
        return status && test(status) ? status : undefined;
      },
      () => `${id} ${what}; it is ${JSON.stringify(this.statuses.get(id))}\n${this.#linesAbout(id)}`,
      limitMs,
    );
  }

  #linesAbout(id: string): string {
    return this.log
      .split('\n')
      .filter((line) => line.includes(`"${id}"`))
      .slice(-12)
      .join('\n');
  }

  online(id: string): Promise<CameraStatus> {
    return this.state(id, (status) => status.state === 2 && status.recording, 'is online and recording');
  }

  segments(id: string): string[] {
    try {
      return readdirSync(join(this.folder, 'recordings', id))
        .sort()
        .map((name) => join(this.folder, 'recordings', id, name));
    } catch {
      return [];
    }
  }

  hasConfig(): boolean {
    return existsSync(this.configPath);
  }

  config(): string {
    return readFileSync(this.configPath, 'utf8');
  }

  #watch(): void {
    const stream = this.client.watchCameras({});
    stream.on('data', (update: WatchCamerasResponse) => {
      this.updates.push(update);
      if (update.snapshot) this.statuses.clear();
      for (const status of update.cameras) this.statuses.set(status.id, status);
      for (const id of update.removedIds) this.statuses.delete(id);
    });
    // The adapter is killed in some tests.
    stream.on('error', () => this.statuses.clear());
  }
}

export function camera(patch: Partial<Camera>): Camera {
  return {
    id: 'door',
    url: '',
    username: '',
    password: '',
    transport: 0,
    tlsFingerprint: '',
    record: true,
    ...patch,
  };
}

export function of(server: CameraServer, patch: Partial<Camera> = {}): Camera {
  return camera({ url: server.url(), username: server.username, password: server.password, ...patch });
}
