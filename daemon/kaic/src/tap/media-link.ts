import * as grpc from '@grpc/grpc-js';
import {
  type CameraStatus,
  MediaServiceClient,
  type ReadUrlResponse,
  type WatchCamerasResponse,
} from '@opennvr/proto/opennvr/media/v1/media';
import { type Clock, dialUnix, type Logger } from '@opennvr/service';

const READ_URL_DEADLINE_MS = 5000;
const RETRY_MS = 1000;

/** What taps need of the media engine. */
export interface CameraDirectory {
  /** The camera as the engine sees it; undefined while the engine is away or does not know it. */
  status(cameraId: string): CameraStatus | undefined;
  /** Where its stream is read. @throws grpc.ServiceError */
  readUrl(cameraId: string): Promise<ReadUrlResponse>;
}

export interface MediaLinkOptions {
  socketPath: string;
  clock: Clock;
  log: Logger;
  /** The camera's status is another now. */
  onChange(cameraId: string): void;
}

/** The connection to the media engine: follows its state stream, for as long as we live. */
export class MediaLink implements CameraDirectory {
  readonly #options: MediaLinkOptions;
  readonly #client: InstanceType<typeof MediaServiceClient>;
  readonly #cameras = new Map<string, CameraStatus>();
  #stream: grpc.ClientReadableStream<WatchCamerasResponse> | undefined;
  #cancelRetry: (() => void) | undefined;
  #closed = false;

  constructor(options: MediaLinkOptions) {
    this.#options = options;
    this.#client = dialUnix(MediaServiceClient, options.socketPath);
    this.#watch();
  }

  status(cameraId: string): CameraStatus | undefined {
    return this.#cameras.get(cameraId);
  }

  readUrl(cameraId: string): Promise<ReadUrlResponse> {
    const deadline = Date.now() + READ_URL_DEADLINE_MS;
    return new Promise((resolve, reject) => {
      this.#client.readUrl({ cameraId: cameraId }, new grpc.Metadata(), { deadline }, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#stream?.cancel();
    this.#client.close();
  }

  #watch(): void {
    const stream = this.#client.watchCameras({});
    this.#stream = stream;
    stream.on('data', (update: WatchCamerasResponse) => this.#take(update));
    // 'end' follows an orderly stop, 'error' everything else, and 'error' may come after 'end'.
    const again = () => {
      if (this.#stream !== stream) return;
      this.#stream = undefined;
      this.#cameras.clear();
      if (!this.#closed) {
        this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => this.#watch());
      }
    };
    stream.on('end', again);
    stream.on('error', (error: Error) => {
      if (!this.#closed && this.#stream === stream) {
        this.#options.log.warn({ detail: error.message }, 'the media engine is away');
      }
      again();
    });
  }

  #take({ snapshot, cameras, removedIds }: WatchCamerasResponse): void {
    const touched = new Set(removedIds);
    if (snapshot) {
      for (const id of this.#cameras.keys()) touched.add(id);
      this.#cameras.clear();
    }
    for (const id of removedIds) this.#cameras.delete(id);
    for (const camera of cameras) {
      this.#cameras.set(camera.id, camera);
      touched.add(camera.id);
    }
    for (const id of touched) this.#options.onChange(id);
  }
}
