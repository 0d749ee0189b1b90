import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type ApplyCamerasResponse,
  type Camera,
  type CameraStatus,
  type GetEngineResponse,
  MediaServiceClient,
  type OpenLiveResponse,
  type ReadUrlResponse,
  type RenewLiveResponse,
} from '@opennvr/proto/opennvr/media/v1/media';
import { dialUnix, findProgram } from '@opennvr/service';
import { bundle } from '../../scripts/bundle.mjs';
import { ffmpeg, toolsMissing } from './media-tools.ts';

/** One of the two engines, as a test wants it. */
export interface EngineKind {
  name: 'embedded' | 'mediamtx';
  entry: string;
  extra: Record<string, unknown>;
  /** Why it cannot be tested here. */
  missing?: string;
}

/** Both engines; the one whose program is absent says so. */
export function engineKinds(): EngineKind[] {
  const bin = findProgram('mediamtx', 'MEDIAMTX_BIN');
  const missing = (reason: string | undefined) => (reason === undefined ? {} : { missing: reason });
  return [
    {
      name: 'embedded',
      entry: 'adapters/embedded-media/src/main.ts',
      extra: { ffmpeg },
      ...missing(toolsMissing),
    },
    {
      name: 'mediamtx',
      entry: 'adapters/mediamtx/src/main.ts',
      extra: { mediamtx: { bin, manage: true } },
      ...missing(bin === undefined ? 'no mediamtx at MEDIAMTX_BIN or on PATH' : toolsMissing),
    },
  ];
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundles = new Map<string, Promise<string>>();

/** The engine's program, built from the sources as they are. */
function program({ name, entry }: EngineKind): Promise<string> {
  const built =
    bundles.get(name) ??
    (async () => {
      const outfile = join(await mkdtemp(join(tmpdir(), 'opennvr-bundle-')), `${name}.mjs`);
      await bundle(join(root, entry), outfile);
      return outfile;
    })();
  bundles.set(name, built);
  return built;
}

/** Removes what {@link program} built. */
export async function removeBundles(): Promise<void> {
  for (const built of bundles.values()) await rm(join(await built, '..'), { recursive: true, force: true });
  bundles.clear();
}

/** An engine process with its folders, its client and everything it ever said. */
export class EngineProcess {
  readonly kind: EngineKind;
  readonly folder: string;
  readonly statuses = new Map<string, CameraStatus>();
  /** Everything written to standard output and standard error, over all starts. */
  output = '';
  readonly #ports: { rtsp: number; udp: number };
  #child: ChildProcess | undefined;
  #client: MediaServiceClient | undefined;

  private constructor(kind: EngineKind, folder: string, ports: { rtsp: number; udp: number }) {
    this.kind = kind;
    this.folder = folder;
    this.#ports = ports;
  }

  static async create(kind: EngineKind): Promise<EngineProcess> {
    const folder = await mkdtemp(join(tmpdir(), `opennvr-${kind.name}-`));
    return new EngineProcess(kind, folder, {
      rtsp: await freePort(),
      udp: 20_000 + (process.pid % 120) * 100,
    });
  }

  get recordings(): string {
    return join(this.folder, 'recordings');
  }

  get stateDir(): string {
    return join(this.folder, 'state');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get client(): MediaServiceClient {
    if (!this.#client) throw new Error('the engine has not been started');
    return this.#client;
  }

  async start(settings: Record<string, unknown> = {}): Promise<void> {
    for (const name of ['recordings', 'state', 'run'])
      await mkdir(join(this.folder, name), { recursive: true });
    const file = join(this.folder, 'settings.json');
    const socketPath = join(this.folder, 'media.sock');
    writeFileSync(
      file,
      JSON.stringify({
        socketPath,
        stateDir: this.stateDir,
        recordingsDir: this.recordings,
        runDir: join(this.folder, 'run'),
        rtsp: { host: '127.0.0.1', port: this.#ports.rtsp },
        webrtc: { udpPort: this.#ports.udp, hosts: ownAddresses() },
        segmentSeconds: 60,
        partMs: 1000,
        ...this.kind.extra,
        ...settings,
      }),
    );
    const child = spawn(process.execPath, [await program(this.kind), '--settings', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    this.#client?.close();
    const client = dialUnix(MediaServiceClient, socketPath);
    this.#client = client;
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) =>
        reject(new Error(`the engine left with ${code}:\n${this.output.slice(-3000)}`)),
      );
      client.waitForReady(Date.now() + 30_000, (error) => (error ? reject(error) : resolve()));
    });
    this.#watch(client);
  }

  #watch(client: MediaServiceClient): void {
    const stream = client.watchCameras({});
    stream.on('data', (message) => {
      if (message.snapshot) this.statuses.clear();
      for (const status of message.cameras) this.statuses.set(status.id, status);
      for (const id of message.removedIds) this.statuses.delete(id);
    });
    // Ends with the process; a test that cares sees it by the statuses.
    stream.on('error', () => undefined);
  }

  /** SIGKILL takes the adapter alone; whatever it started has to be dealt with by its next start. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#client?.close();
    this.#client = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Stops everything and removes the folders. */
  async remove(): Promise<void> {
    await this.stop();
    for (const pid of this.leftovers()) process.kill(pid, 'SIGKILL');
    await wait(200);
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Processes that work in this engine's folders: found by what their command line names, so ours alone. */
  leftovers(): number[] {
    return processes()
      .filter(({ pid, argv }) => pid !== this.pid && argv.includes(this.folder))
      .map(({ pid }) => pid);
  }

  apply(cameras: Camera[]): Promise<ApplyCamerasResponse> {
    return answer((done) => this.client.applyCameras({ cameras }, done));
  }

  readUrl(cameraId: string): Promise<ReadUrlResponse> {
    return answer((done) => this.client.readUrl({ cameraId }, done));
  }

  openLive(cameraId: string, offerSdp: string, leaseSeconds = 0): Promise<OpenLiveResponse> {
    return answer((done) => this.client.openLive({ cameraId, offerSdp, leaseSeconds }, done));
  }

  renewLive(sessionId: string, leaseSeconds = 0): Promise<RenewLiveResponse> {
    return answer((done) => this.client.renewLive({ sessionId, leaseSeconds }, done));
  }

  closeLive(sessionId: string): Promise<unknown> {
    return answer((done) => this.client.closeLive({ sessionId }, done));
  }

  getEngine(): Promise<GetEngineResponse> {
    return answer((done) => this.client.getEngine({}, done));
  }

  /** Waits for a camera's status to be as wanted and returns it. */
  async status(
    id: string,
    wanted: (status: CameraStatus) => boolean,
    timeoutMs = 30_000,
  ): Promise<CameraStatus> {
    await until(
      () => {
        const status = this.statuses.get(id);
        return status !== undefined && wanted(status);
      },
      () => `camera ${id}, last seen as ${JSON.stringify(this.statuses.get(id))}`,
      timeoutMs,
    );
    return this.statuses.get(id) as CameraStatus;
  }

  /** Segments of a camera, oldest first. */
  async segments(id: string): Promise<string[]> {
    const folder = join(this.recordings, id);
    const names = await readdir(folder).catch(() => [] as string[]);
    return names
      .filter((name) => name.endsWith('.mp4'))
      .sort()
      .map((name) => join(folder, name));
  }
}

function answer<T>(start: (done: (error: Error | null, value: T) => void) => unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value)));
  });
}

/** A camera message with nothing special about it. */
export function cameraMessage(id: string, url: string, patch: Partial<Camera> = {}): Camera {
  return { id, url, username: '', password: '', transport: 0, tlsFingerprint: '', record: true, ...patch };
}

/** Waits for a condition, looking often. @throws Error naming what was waited for. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string | Promise<string>),
  timeoutMs = 30_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > end)
      throw new Error(`waited ${timeoutMs} ms in vain for ${typeof what === 'string' ? what : await what()}`);
    await wait(50);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

/** This machine's own IPv4 addresses: what a browser on it can reach. */
export function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.filter((a) => a.family === 'IPv4').map((a) => a.address);
}

/** Every process of this machine with its command line. */
export function processes(): { pid: number; argv: string }[] {
  const found: { pid: number; argv: string }[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      found.push({
        pid: Number(name),
        argv: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' '),
      });
    } catch (error) {
      // Gone between listing and reading.
      if (
        (error as NodeJS.ErrnoException).code !== 'ENOENT' &&
        (error as NodeJS.ErrnoException).code !== 'ESRCH'
      )
        throw error;
    }
  }
  return found;
}
