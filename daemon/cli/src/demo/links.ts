import { KaicServiceClient, type Plan, type WatchStatusResponse } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import {
  type Camera,
  CameraState,
  type CameraStatus,
  type GetEngineResponse,
  MediaServiceClient,
  type WatchCamerasResponse,
} from '@opennvr/proto/opennvr/media/v1/media';
import { type Clock, dialUnix } from '@opennvr/service';
import { call, isServiceError, keepWatching } from '../rpc.ts';

export interface LinkOptions {
  clock: Clock;
  /** Ends the watching. */
  signal: AbortSignal;
  /** One sentence about a call that was refused. That nobody answers for a while is not worth one. */
  onError(message: string): void;
}

/** gRPC UNAVAILABLE and CANCELLED: what a restart looks like from here. */
const PASSING = new Set([14, 1]);

/** Tells the media engine which cameras there shall be, and again after each restart, and watches them. */
export class MediaLink {
  readonly #client: MediaServiceClient;
  readonly #options: LinkOptions;

  constructor(socketPath: string, options: LinkOptions) {
    this.#client = dialUnix(MediaServiceClient, socketPath);
    this.#options = options;
  }

  async watch(cameras: Camera[], onStatus: (status: CameraStatus) => void): Promise<void> {
    await keepWatching<WatchCamerasResponse>({
      ...this.#options,
      open: async () => {
        await call((done) => this.#client.applyCameras({ cameras }, done));
        return this.#client.watchCameras({});
      },
      onMessage: (message) => message.cameras.forEach(onStatus),
      onBreak: (error) => report('the media engine', error, this.#options),
    });
  }

  async engine(): Promise<{ name: string; version: string }> {
    const { name, version } = await call<GetEngineResponse>((done) => this.#client.getEngine({}, done));
    return { name, version };
  }

  close(): void {
    this.#client.close();
  }
}

/** Tells kaic what to tap, and again after each restart, and watches its counters. */
export class KaicLink {
  readonly #client: KaicServiceClient;
  readonly #options: LinkOptions;

  constructor(socketPath: string, options: LinkOptions) {
    this.#client = dialUnix(KaicServiceClient, socketPath);
    this.#options = options;
  }

  async watch(plan: Plan, onStatus: (status: WatchStatusResponse) => void): Promise<void> {
    await keepWatching<WatchStatusResponse>({
      ...this.#options,
      open: async () => {
        await call((done) => this.#client.applyPlan({ plan, updateMask: undefined }, done));
        return this.#client.watchStatus({ interval: { seconds: 0, nanos: 500_000_000 } });
      },
      onMessage: onStatus,
      onBreak: (error) => report('kaic', error, this.#options),
    });
  }

  close(): void {
    this.#client.close();
  }
}

function report(who: string, error: Error, options: LinkOptions): void {
  if (isServiceError(error) && PASSING.has(error.code)) return;
  options.onError(`${who}: ${error.message}`);
}

/** A camera's state in a word or two. */
export function describeState(status: CameraStatus): string {
  if (status.state === CameraState.CAMERA_STATE_ONLINE) return status.recording ? 'recording' : 'online';
  if (status.state === CameraState.CAMERA_STATE_FAILED) return 'failed';
  return 'connecting';
}
