import { type CameraStatus, type Clock, STATE } from './types.ts';

/** A snapshot or a change: the shape of `opennvr.media.v1.WatchCamerasResponse`. */
export interface BoardMessage {
  snapshot: boolean;
  cameras: CameraStatus[];
  removedIds: string[];
}

/** Where messages go; structurally grpc-js's `ServerWritableStream`. */
export interface BoardSink {
  /** False when full: nothing more is written until 'drain'. */
  write(message: BoardMessage): boolean;
  on(event: 'drain' | 'close' | 'cancelled' | 'error', fn: () => void): unknown;
  end(): unknown;
}

/** Byte counters alone are told at most this often; everything else at once. */
const COUNTERS_EVERY_MS = 1000;

/**
 * The state of every camera, and everybody who watches it. A watcher that reads slowly gets the latest state of
 * each camera when it reads again, not every step between, so that it can never make the engine hold more than one set.
 */
export class StatusBoard {
  readonly #clock: Clock;
  readonly #cameras = new Map<string, CameraStatus>();
  readonly #watchers = new Set<Watcher>();
  readonly #stale = new Set<string>();
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(id: string): CameraStatus | undefined {
    return this.#cameras.get(id);
  }

  all(): CameraStatus[] {
    return [...this.#cameras.values()];
  }

  /** Puts a camera on the board as connecting; one that is there already starts anew, its byte count kept. */
  put(id: string): void {
    this.#cameras.set(id, {
      id,
      state: STATE.connecting,
      reason: 0,
      detail: '',
      since: this.#now(),
      tracks: [],
      recording: false,
      bytesReceived: this.#cameras.get(id)?.bytesReceived ?? 0,
    });
    this.#tell(id);
  }

  /** Unknown ids are ignored: a camera may have been removed while its news was under way. */
  update(id: string, patch: Partial<Omit<CameraStatus, 'id' | 'since'>>): void {
    const before = this.#cameras.get(id);
    if (!before) return;
    const after: CameraStatus = { ...before, ...patch };
    if (after.state !== before.state) after.since = this.#now();
    this.#cameras.set(id, after);
    if (!sameButCounters(before, after)) this.#tell(id);
    else if (after.bytesReceived !== before.bytesReceived) this.#tellLater(id);
  }

  remove(id: string): void {
    if (this.#cameras.delete(id)) this.#tell(id);
  }

  /** Sends one snapshot, then every change, until the sink closes. */
  stream(sink: BoardSink): void {
    const watcher = new Watcher(sink, this.#cameras);
    this.#watchers.add(watcher);
    for (const event of ['close', 'cancelled', 'error'] as const)
      sink.on(event, () => this.#watchers.delete(watcher));
    watcher.start();
  }

  /** Ends every stream. */
  close(): void {
    this.#cancelTimer?.();
    for (const watcher of this.#watchers) watcher.end();
    this.#watchers.clear();
  }

  #now(): { seconds: number; nanos: number } {
    const ms = this.#clock.now();
    return { seconds: Math.floor(ms / 1000), nanos: Math.floor(ms % 1000) * 1_000_000 };
  }

  #tell(id: string): void {
    this.#stale.delete(id);
    for (const watcher of this.#watchers) watcher.changed([id]);
  }

  #tellLater(id: string): void {
    this.#stale.add(id);
    this.#cancelTimer ??= this.#clock.after(COUNTERS_EVERY_MS, () => {
      this.#cancelTimer = undefined;
      const ids = [...this.#stale];
      this.#stale.clear();
      for (const watcher of this.#watchers) watcher.changed(ids);
    });
  }
}

class Watcher {
  readonly #sink: BoardSink;
  readonly #cameras: ReadonlyMap<string, CameraStatus>;
  readonly #pending = new Set<string>();
  #full = false;

  constructor(sink: BoardSink, cameras: ReadonlyMap<string, CameraStatus>) {
    this.#sink = sink;
    this.#cameras = cameras;
    sink.on('drain', () => {
      this.#full = false;
      this.#flush();
    });
  }

  start(): void {
    this.#full = !this.#sink.write({ snapshot: true, cameras: [...this.#cameras.values()], removedIds: [] });
  }

  changed(ids: string[]): void {
    for (const id of ids) this.#pending.add(id);
    if (!this.#full) this.#flush();
  }

  end(): void {
    this.#sink.end();
  }

  #flush(): void {
    if (this.#pending.size === 0) return;
    const message: BoardMessage = { snapshot: false, cameras: [], removedIds: [] };
    for (const id of this.#pending) {
      const status = this.#cameras.get(id);
      if (status) message.cameras.push(status);
      else message.removedIds.push(id);
    }
    this.#pending.clear();
    this.#full = !this.#sink.write(message);
  }
}

function sameButCounters(a: CameraStatus, b: CameraStatus): boolean {
  return (
    a.state === b.state &&
    a.reason === b.reason &&
    a.detail === b.detail &&
    a.recording === b.recording &&
    a.tracks.length === b.tracks.length &&
    a.tracks.every((track, i) => {
      const other = b.tracks[i];
      return track.codec === other?.codec && track.width === other.width && track.height === other.height;
    })
  );
}
