import type { BoardSink, StatusBoard } from './board.ts';
import { type CameraChange, diffCameras, validateCameras } from './cameras.ts';
import { LeaseTable } from './leases.ts';
import { stripCandidates } from './offer.ts';
import type { CameraStore } from './store.ts';
import { type CameraSpec, type Clock, MediaError, STATE } from './types.ts';

/** Browsers watching at once. */
export const MAX_LIVE_SESSIONS = 64;

/** One browser watching one camera. */
export interface LiveSession {
  answerSdp: string;
  /** Media stops within 2 s of this call. */
  close(): Promise<void>;
}

/** Where a local reader gets a stream. */
export interface ReadUrl {
  url: string;
  username: string;
  password: string;
}

/** What differs between engines. Calls of `apply` never overlap. */
export interface Engine {
  /** Gets to this set; returns once it is under way, not once cameras answer. Keeps the board up to date. */
  apply(cameras: readonly CameraSpec[], change: CameraChange): Promise<void>;
  /** `offerSdp` has no candidates left in it. `onEnd` is for a session that ends by itself. */
  openLive(cameraId: string, offerSdp: string, onEnd: () => void): Promise<LiveSession>;
  readUrl(cameraId: string): ReadUrl;
}

export interface MediaCoreOptions {
  clock: Clock;
  /** Unguessable session ids. */
  newId: () => string;
  store: CameraStore;
  engine: Engine;
  board: StatusBoard;
  /** Told of a session that did not close as it should. */
  onError: (error: unknown, doing: string) => void;
}

/** The behaviour of `opennvr.media.v1.MediaService`, the same whatever the engine. */
export class MediaCore {
  readonly #options: MediaCoreOptions;
  readonly #leases: LeaseTable;
  #cameras: CameraSpec[] = [];
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: MediaCoreOptions) {
    this.#options = options;
    this.#leases = new LeaseTable(options.clock, options.newId, MAX_LIVE_SESSIONS);
  }

  /** Takes up the stored set, so that an engine started alone records. Returns how many cameras there are. */
  restore(): Promise<number> {
    return this.#serial(async () => {
      const cameras = await this.#options.store.load();
      await this.#options.engine.apply(cameras, diffCameras([], cameras));
      this.#cameras = cameras;
      return cameras.length;
    });
  }

  /** @throws MediaError INVALID_ARGUMENT naming the field; nothing is applied then. */
  applyCameras(request: { cameras: readonly CameraSpec[] }): Promise<CameraChange> {
    return this.#serial(async () => {
      const cameras = validateCameras(request.cameras);
      const change = diffCameras(this.#cameras, cameras);
      if (change.added.length + change.changed.length + change.removed.length === 0) return change;
      await this.#options.store.save(cameras);
      // Saved is promised: should the engine fail below, the next call or the next start brings it here.
      this.#cameras = cameras;
      await this.#options.engine.apply(cameras, change);
      return change;
    });
  }

  watchCameras(sink: BoardSink): void {
    this.#options.board.stream(sink);
  }

  readUrl(request: { cameraId: string }): ReadUrl {
    this.#known(request.cameraId);
    return this.#options.engine.readUrl(request.cameraId);
  }

  async openLive(request: { cameraId: string; offerSdp: string; leaseSeconds: number }): Promise<{
    sessionId: string;
    answerSdp: string;
    expires: { seconds: number; nanos: number };
  }> {
    const { cameraId, leaseSeconds } = request;
    const offer = stripCandidates(request.offerSdp);
    this.#known(cameraId);
    this.#leases.check(leaseSeconds);
    const status = this.#options.board.get(cameraId);
    if (status?.state !== STATE.online)
      throw new MediaError(
        'unavailable',
        `camera ${cameraId} is not online: ${status?.detail || 'connecting'}`,
      );
    let end: () => void = () => undefined;
    const session = await this.#options.engine.openLive(cameraId, offer, () => end());
    const close = () => {
      session.close().catch((error: unknown) => this.#options.onError(error, 'closing a live session'));
    };
    try {
      const { id, expires } = this.#leases.open(leaseSeconds, close);
      end = () => this.#leases.end(id);
      return { sessionId: id, answerSdp: session.answerSdp, expires: timestamp(expires) };
    } catch (error) {
      // Others took the last places while the engine was answering.
      close();
      throw error;
    }
  }

  renewLive(request: { sessionId: string; leaseSeconds: number }): {
    expires: { seconds: number; nanos: number };
  } {
    return { expires: timestamp(this.#leases.renew(request.sessionId, request.leaseSeconds)) };
  }

  closeLive(request: { sessionId: string }): void {
    this.#leases.end(request.sessionId);
  }

  /** Ends live sessions and watchers; the engine is stopped by its owner. */
  close(): void {
    this.#leases.endAll();
    this.#options.board.close();
  }

  #known(cameraId: string): void {
    if (!this.#cameras.some((camera) => camera.id === cameraId))
      throw new MediaError('notFound', 'camera_id: no such camera');
  }

  #serial<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

function timestamp(ms: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: Math.floor(ms % 1000) * 1_000_000 };
}
