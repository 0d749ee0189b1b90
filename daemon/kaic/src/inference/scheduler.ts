import type { Random } from '@opennvr/rtsp';
import type { Clock } from '@opennvr/service';
import { Pacer } from '../pacer.ts';
import type { StoredFrame } from '../types.ts';
import { Breaker, type BreakerState } from './breaker.ts';

/** Bytes of frames that wait per camera: hostile I-frames of 16 MiB must not add up in memory. */
const LANE_BYTES = 8 * 1024 * 1024;
/** Bytes of frames being looked at before no further call is made. The adapter says how many calls it takes. */
const IN_FLIGHT_BYTES = 32 * 1024 * 1024;

/** How a call ended, as far as scheduling cares. `broken`: against the contract. `cancelled` says nothing of the adapter. */
export type CallEnd = 'ok' | 'failed' | 'broken' | 'cancelled';

export interface SchedulerOptions {
  clock: Clock;
  random: Random;
  /** Starts a call; it must call `done` once, later, and never throw. `offeredAt` is monotonic ms. */
  start(frame: StoredFrame, offeredAt: number, done: (end: CallEnd) => void): void;
}

export interface Limits {
  maxInFlight: number;
  /** Frames waiting per camera before the oldest is dropped. */
  queueLength: number;
}

interface Waiting {
  frame: StoredFrame;
  offeredAt: number;
}

/** One camera's place in the schedule of one adapter. */
class Lane {
  readonly pacer: Pacer;
  readonly queue: Waiting[] = [];
  dropped = 0;

  constructor(intervalMs: number) {
    this.pacer = new Pacer(intervalMs);
  }

  /** Adds a frame and drops the oldest ones that are too many. */
  add(waiting: Waiting, length: number): void {
    this.queue.push(waiting);
    while (this.queue.length > length || this.#bytes() > LANE_BYTES) {
      this.queue.shift();
      this.dropped++;
    }
  }

  #bytes(): number {
    return this.queue.reduce((sum, { frame }) => sum + frame.byteLength, 0);
  }
}

/**
 * Decides which frame one adapter sees next. Frames wait in a short queue per camera that drops its oldest; cameras
 * take turns, so one that sends a hundred times more gets no more than its turn; never more calls at once than
 * allowed; none while the breaker is open or the adapter is away.
 */
export class Scheduler {
  readonly #clock: Clock;
  readonly #start: SchedulerOptions['start'];
  readonly #breaker: Breaker;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes with waiting frames, next turn first; each at most once. */
  readonly #turns: Lane[] = [];
  #limits: Limits = { maxInFlight: 1, queueLength: 2 };
  #ready = false;
  #inFlight = 0;
  #inFlightBytes = 0;
  #closed = false;
  #droppedByGone = 0;

  constructor({ clock, random, start }: SchedulerOptions) {
    this.#clock = clock;
    this.#start = start;
    this.#breaker = new Breaker(clock, random, () => this.#pump());
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  /** Frames dropped since start, because newer ones came or because their camera was taken away. */
  get dropped(): number {
    return [...this.#lanes.values()].reduce((sum, lane) => sum + lane.dropped, this.#droppedByGone);
  }

  droppedOf(cameraId: string): number {
    return this.#lanes.get(cameraId)?.dropped ?? 0;
  }

  /** Calls are made only while the adapter is there. */
  set ready(ready: boolean) {
    this.#ready = ready;
    this.#pump();
  }

  set limits(limits: Limits) {
    this.#limits = limits;
    this.#pump();
  }

  /** Camera → interval in ms: the whole set. Kept cameras keep their queue and their turn. */
  assign(intervals: ReadonlyMap<string, number>): void {
    for (const [cameraId, lane] of this.#lanes) {
      if (intervals.has(cameraId)) continue;
      this.#lanes.delete(cameraId);
      this.#droppedByGone += lane.dropped + lane.queue.length;
      lane.queue.length = 0;
      const turn = this.#turns.indexOf(lane);
      if (turn >= 0) this.#turns.splice(turn, 1);
    }
    for (const [cameraId, intervalMs] of intervals) {
      const lane = this.#lanes.get(cameraId);
      if (lane) lane.pacer.intervalMs = intervalMs;
      else this.#lanes.set(cameraId, new Lane(intervalMs));
    }
  }

  /** A new frame: queued when its camera is assigned and its interval is over. */
  offer(frame: StoredFrame): void {
    const lane = this.#lanes.get(frame.cameraId);
    const now = this.#clock.monotonic();
    if (!lane?.pacer.take(now)) return;
    const waited = lane.queue.length > 0;
    lane.add({ frame, offeredAt: now }, this.#limits.queueLength);
    const waits = lane.queue.length > 0;
    if (waits && !waited) this.#turns.push(lane);
    else if (waited && !waits) this.#turns.splice(this.#turns.indexOf(lane), 1);
    this.#pump();
  }

  close(): void {
    this.#closed = true;
    this.#breaker.close();
    this.assign(new Map());
  }

  #pump(): void {
    while (
      !this.#closed &&
      this.#ready &&
      this.#inFlight < this.#limits.maxInFlight &&
      this.#inFlightBytes < IN_FLIGHT_BYTES &&
      this.#breaker.allows
    ) {
      const lane = this.#turns.shift();
      const next = lane?.queue.shift();
      if (!lane || !next) return;
      if (lane.queue.length > 0) this.#turns.push(lane);
      this.#inFlight++;
      this.#inFlightBytes += next.frame.byteLength;
      this.#breaker.started();
      let ended = false;
      this.#start(next.frame, next.offeredAt, (end) => {
        if (ended) return;
        ended = true;
        this.#inFlight--;
        this.#inFlightBytes -= next.frame.byteLength;
        if (end === 'failed') this.#breaker.failed();
        else if (end === 'broken') this.#breaker.broken();
        else if (end === 'ok') this.#breaker.succeeded();
        else this.#breaker.cancelled();
        this.#pump();
      });
    }
  }
}
