import type * as grpc from '@grpc/grpc-js';
import { status as code } from '@grpc/grpc-js';
import { type FrameName, FrameUriError, parseFrameUri } from '@opennvr/frames';
import { FrameEncoding } from '@opennvr/proto/opennvr/inference/v1/inference';
import type {
  GetFrameRequest,
  GetFrameResponse,
  KaicServiceServer,
  Plan,
  WatchDetectionsRequest,
  WatchDetectionsResponse,
  WatchStatusRequest,
  WatchStatusResponse,
} from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { asServiceError, type Clock, invalidArgument, statusError, unary } from '@opennvr/service';
import type { FrameStore } from '../frames/store.ts';
import { milliseconds } from '../plan/validate.ts';
import { DecodeError, type Detection, type FramePictures } from '../types.ts';
import { DropOldest } from './drop-oldest.ts';

/** Detections that wait for one slow watcher. */
const WATCHER_QUEUE = 256;
const MAX_WATCHERS = 64;
const MAX_FILTERS = 256;
const MIN_STATUS_INTERVAL_MS = 100;
const MAX_STATUS_INTERVAL_MS = 60_000;

export interface KaicServiceOptions {
  clock: Clock;
  store: FrameStore;
  pictures: FramePictures;
  /** Validates the plan (or what `mask` names of it), keeps it and carries it out. @throws grpc.ServiceError */
  applyPlan(plan: Plan | undefined, mask: readonly string[]): void;
  status(): WatchStatusResponse;
}

interface Watcher {
  wants(detection: Detection): boolean;
  queue: DropOldest<WatchDetectionsResponse>;
}

const ENCODINGS = {
  jpg: FrameEncoding.FRAME_ENCODING_JPEG,
  h264: FrameEncoding.FRAME_ENCODING_H264,
  h265: FrameEncoding.FRAME_ENCODING_H265,
};

const DECODE_STATUS = {
  frame: code.FAILED_PRECONDITION,
  unavailable: code.UNAVAILABLE,
  overloaded: code.RESOURCE_EXHAUSTED,
  deadline: code.DEADLINE_EXCEEDED,
};

/** `KaicService`: what is outside of kaic speaks to this. */
export class KaicService {
  readonly #options: KaicServiceOptions;
  readonly #watchers = new Set<Watcher>();

  constructor(options: KaicServiceOptions) {
    this.#options = options;
  }

  get handlers(): KaicServiceServer {
    return {
      applyPlan: unary(({ plan, updateMask }) => {
        this.#options.applyPlan(plan, updateMask ?? []);
        return {};
      }),
      getFrame: unary((request) => this.#getFrame(request)),
      watchDetections: (call) => this.#watchDetections(call),
      watchStatus: (call) => this.#watchStatus(call),
    };
  }

  /** Sends a detection to all who want it. */
  publish(detection: Detection): void {
    for (const { wants, queue } of this.#watchers) {
      if (wants(detection)) queue.push(() => ({ ...detection, dropped: queue.dropped }));
    }
  }

  async #getFrame({ uri }: GetFrameRequest): Promise<GetFrameResponse> {
    const name = readUri(uri);
    const encoding = ENCODINGS[name.format];
    const data = name.format === 'jpg' ? await this.#picture(name) : this.#options.store.read(name);
    if (!data) throw statusError(code.NOT_FOUND, 'uri: the store has no such frame (any more)');
    return { data, encoding };
  }

  async #picture(name: FrameName): Promise<Buffer | undefined> {
    const { store, pictures } = this.#options;
    const frame = store.source(name);
    if (!frame) return undefined;
    try {
      return (await pictures.jpeg(frame, name.width)).data;
    } catch (error) {
      if (error instanceof DecodeError) throw statusError(DECODE_STATUS[error.reason], error.message);
      throw error;
    }
  }

  #watchDetections(call: grpc.ServerWritableStream<WatchDetectionsRequest, WatchDetectionsResponse>): void {
    const { cameraIds, adapters } = call.request;
    refuse(call, () => {
      if (this.#watchers.size >= MAX_WATCHERS)
        throw statusError(code.RESOURCE_EXHAUSTED, 'too many watchers');
      if (cameraIds.length > MAX_FILTERS) throw invalidArgument('camera_ids', `more than ${MAX_FILTERS}`);
      if (adapters.length > MAX_FILTERS) throw invalidArgument('adapters', `more than ${MAX_FILTERS}`);
      const cameras = new Set(cameraIds);
      const names = new Set(adapters);
      const watcher: Watcher = {
        wants: ({ cameraId, adapter }) =>
          (cameras.size === 0 || cameras.has(cameraId)) && (names.size === 0 || names.has(adapter)),
        queue: new DropOldest(call, WATCHER_QUEUE),
      };
      this.#watchers.add(watcher);
      onEnd(call, () => this.#watchers.delete(watcher));
    });
  }

  #watchStatus(call: grpc.ServerWritableStream<WatchStatusRequest, WatchStatusResponse>): void {
    refuse(call, () => {
      const asked = milliseconds('interval', call.request.interval, MAX_STATUS_INTERVAL_MS);
      if (asked > 0 && asked < MIN_STATUS_INTERVAL_MS) {
        throw invalidArgument('interval', `is less than ${MIN_STATUS_INTERVAL_MS} ms`);
      }
      // A reader that lags gets the newest when it is ready again, not a pile of old ones.
      const queue = new DropOldest<WatchStatusResponse>(call, 1);
      let cancel: () => void = () => undefined;
      const tell = () => {
        queue.push(() => this.#options.status());
        cancel = this.#options.clock.after(asked || 1000, tell);
      };
      tell();
      onEnd(call, () => cancel());
    });
  }
}

function readUri(uri: string): FrameName {
  try {
    return parseFrameUri(uri);
  } catch (error) {
    if (error instanceof FrameUriError) throw invalidArgument('uri', error.message);
    throw error;
  }
}

/** Runs the start of a stream; what it throws ends the stream with that status. */
function refuse<Req, Res>(call: grpc.ServerWritableStream<Req, Res>, start: () => void): void {
  try {
    start();
  } catch (error) {
    // As grpc-js wants it: 'error' sends the status and ends the call; destroy() would send nothing.
    call.emit('error', asServiceError(error));
  }
}

function onEnd<Req, Res>(call: grpc.ServerWritableStream<Req, Res>, end: () => void): void {
  call.once('cancelled', end);
  call.once('close', end);
  call.once('error', end);
}
