import { networkInterfaces } from 'node:os';
import {
  type CameraChange,
  type CameraSpec,
  type Engine,
  type LiveSession,
  MediaError,
  type ReadUrl,
  type StatusBoard,
  sameSource,
} from '@opennvr/media';
import { RtspServer } from '@opennvr/rtsp';
import type { Clock, Logger } from '@opennvr/service';
import { Camera, type CameraContext } from './camera.ts';
import { type LiveSettings, openLive } from './live/session.ts';
import { type Settings, UDP_PORTS } from './settings.ts';

export interface EngineOptions {
  settings: Settings;
  /** Path of the ffmpeg that writes the segments. */
  ffmpeg: string;
  clock: Clock;
  random: () => number;
  log: Logger;
  board: StatusBoard;
  /** What local readers authenticate with; made anew at every start. */
  reader: { username: string; password: string };
}

/** Cameras of this process, and the loopback RTSP server that gives their streams on. */
export class EmbeddedEngine implements Engine {
  readonly #options: EngineOptions;
  readonly #server: RtspServer;
  readonly #context: CameraContext;
  readonly #live: LiveSettings;
  readonly #cameras = new Map<string, Camera>();
  #port = 0;

  constructor(options: EngineOptions) {
    const { settings, clock, random, log, board, reader } = options;
    this.#options = options;
    this.#server = new RtspServer({
      host: settings.rtsp.host,
      port: settings.rtsp.port,
      clock,
      random,
      auth: { ...reader, methods: ['digest-sha256', 'digest-md5'], realm: 'opennvr' },
    });
    this.#context = {
      clock,
      random,
      log,
      board,
      recording: {
        folder: settings.recordingsDir,
        ffmpeg: options.ffmpeg,
        segmentSeconds: settings.segmentSeconds,
        partMs: settings.partMs,
      },
      serve: (id, tracks) => this.#server.addStream(`/${id}`, [...tracks]),
    };
    const { udpPort, hosts, interfaces } = settings.webrtc;
    this.#live = {
      ports: [udpPort, udpPort + UDP_PORTS - 1],
      hosts: [...new Set([...hosts, ...addressesOf(interfaces ?? [])])],
    };
  }

  /** Opens the RTSP server. */
  async listen(): Promise<void> {
    const { port } = await this.#server.listen();
    this.#port = port;
  }

  get listeners(): string[] {
    const { settings } = this.#options;
    return [
      `unix ${settings.socketPath}`,
      `tcp ${settings.rtsp.host}:${this.#port}`,
      `udp *:${this.#live.ports.join('-')}`,
    ];
  }

  async apply(cameras: readonly CameraSpec[], change: CameraChange): Promise<void> {
    const wanted = new Map(cameras.map((camera) => [camera.id, camera]));
    const stopping: Promise<void>[] = [];
    for (const id of [...change.removed, ...change.changed]) {
      const camera = this.#cameras.get(id);
      const spec = wanted.get(id);
      if (!camera) continue;
      if (spec && sameSource(camera.spec, spec)) {
        camera.setRecord(spec.record);
        continue;
      }
      this.#cameras.delete(id);
      stopping.push(camera.stop());
    }
    await Promise.all(stopping);
    for (const id of change.removed) this.#options.board.remove(id);
    for (const camera of cameras) if (!this.#cameras.has(camera.id)) this.#start(camera);
  }

  openLive(cameraId: string, offerSdp: string, onEnd: () => void): Promise<LiveSession> {
    const camera = this.#cameras.get(cameraId);
    if (!camera) throw new MediaError('notFound', 'camera_id: no such camera');
    if (this.#live.hosts.length === 0)
      throw new MediaError('precondition', 'webrtc.hosts is empty: there is no address to give to a browser');
    return openLive(camera, offerSdp, this.#live, onEnd);
  }

  readUrl(cameraId: string): ReadUrl {
    const { settings, reader } = this.#options;
    return { url: `rtsp://${settings.rtsp.host}:${this.#port}/${cameraId}`, ...reader };
  }

  /** Closes every segment, then the server. */
  async close(): Promise<void> {
    await Promise.all([...this.#cameras.values()].map((camera) => camera.stop()));
    this.#cameras.clear();
    await this.#server.close();
  }

  #start(spec: CameraSpec): void {
    this.#options.board.put(spec.id);
    const camera = new Camera({ ...spec }, this.#context);
    this.#cameras.set(spec.id, camera);
    camera.start();
  }
}

function addressesOf(names: string[]): string[] {
  const all = networkInterfaces();
  return names.flatMap((name) => (all[name] ?? []).filter((a) => a.family === 'IPv4').map((a) => a.address));
}
