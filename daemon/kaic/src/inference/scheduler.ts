import type { Random } from '@opennvr/rtsp';
import type { Clock } from '@opennvr/service';
import type { StoredFrame } from '../types.ts';
import { Breaker, type BreakerState } from './breaker.ts';
import { Lane, type LanePlan } from './lane.ts';

/** Bytes of frames that wait per camera: hostile I-frames of 16 MiB must not add up in memory. */
const LANE_BYTES = 8 * 1024 * 1024;
/** The same for all cameras of one adapter together, and how many frames. */
const ALL_BYTES = 32 * 1024 * 1024;
const ALL_FRAMES = 512;
/** Bytes of frames being looked at before no further call is made. The adapter says how many calls it takes. */
const IN_FLIGHT_BYTES = 32 * 1024 * 1024;

/** How a call ended, as far as scheduling cares. `broken`: against the contract. `cancelled` says nothing of the adapter. */
export type CallEnd = 'ok' | 'failed' | 'broken' | 'cancelled';

/** Why a frame that was due is not looked at: see `Drops` in kaic.proto. */
export type DropReason = 'newer' | 'full' | 'removed';

export interface SchedulerOptions {
  clock: Clock;
  random: Random;
  /** Starts a call; it must call `done` once, later, and never throw. `offeredAt` is monotonic ms. */
  start(frame: StoredFrame, offeredAt: number, done: (end: CallEnd) => void): void;
  onDrop(cameraId: string, reason: DropReason): void;
}

export interface Limits {
  maxInFlight: number;
  /** Frames waiting per camera before the oldest is dropped. */
  queueLength: number;
}

/** Calls to one instance of the adapter; a swap begins anew. */
interface Slots {
  calls: number;
  bytes: number;
  breaker: Breaker;
}

/**
 * Decides which frame one adapter sees next. Frames wait in a short queue per camera that drops its oldest; all queues
 * together are bounded as well, and the fullest gives way. Cameras take turns by weight (virtual time, as in weighted
 * fair queueing), so one that sends a hundred times more gets no more than its turns. Never more calls at once than
 * allowed; none while the breaker is open, the adapter is away or has asked for a pause.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #lanes = new Map<string, Lane>();
  #slots: Slots;
  #limits: Limits = { maxInFlight: 1, queueLength: 2 };
  #ready = false;
  #heldUntil = Number.NEGATIVE_INFINITY;
  #cancelHold: () => void = () => undefined;
  #now = 0;
  #queued = 0;
  #queuedBytes = 0;
  #successes = 0;
  #closed = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = this.#newSlots();
  }

  get breaker(): BreakerState {
    return this.#slots.breaker.state;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#slots.breaker.failures;
  }

  get inFlight(): number {
    return this.#slots.calls;
  }

  get queued(): number {
    return this.#queued;
  }

  /** What holds frames back besides the adapter being away, and for how much longer (ms). */
  get hold(): { why: '' | 'breaker' | 'retry_after'; ms: number } {
    const breakerMs = this.#slots.breaker.opensForMs;
    const askedMs = this.#heldUntil - this.#options.clock.monotonic();
    if (breakerMs <= 0 && askedMs <= 0) return { why: '', ms: 0 };
    return breakerMs > askedMs ? { why: 'breaker', ms: breakerMs } : { why: 'retry_after', ms: askedMs };
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

  /** The whole set of cameras. Kept cameras keep their queue and their turn. */
  assign(plans: ReadonlyMap<string, LanePlan>): void {
    for (const [cameraId, lane] of this.#lanes) {
      if (plans.has(cameraId)) continue;
      this.#lanes.delete(cameraId);
      while (lane.queue.length > 0) this.#drop(lane, 'removed');
    }
    for (const [cameraId, plan] of plans) {
      const lane = this.#lanes.get(cameraId);
      if (lane) {
        lane.pacer.intervalMs = plan.intervalMs;
        lane.weight = plan.weight;
      } else this.#lanes.set(cameraId, new Lane(cameraId, plan));
    }
  }

  /** A new frame: queued when its camera is assigned and its interval is over. */
  offer(frame: StoredFrame): void {
    const lane = this.#lanes.get(frame.cameraId);
    const now = this.#options.clock.monotonic();
    if (!lane?.pacer.take(now)) return;
    // Who had nothing to ask for saves up no turns.
    if (lane.queue.length === 0) lane.turn = Math.max(lane.turn, this.#now);
    lane.push({ frame, offeredAt: now });
    this.#queued++;
    this.#queuedBytes += frame.byteLength;
    while (lane.queue.length > this.#limits.queueLength || lane.bytes > LANE_BYTES) this.#drop(lane, 'newer');
    while (this.#queued > ALL_FRAMES || this.#queuedBytes > ALL_BYTES) this.#drop(this.#fullest(), 'full');
    this.#pump();
  }

  /** The adapter asks for a pause. */
  holdFor(ms: number): void {
    const { clock } = this.#options;
    this.#heldUntil = Math.max(this.#heldUntil, clock.monotonic() + ms);
    this.#cancelHold();
    this.#cancelHold = clock.after(this.#heldUntil - clock.monotonic(), () => this.#pump());
  }

  /** The adapter failed without a frame being to blame. */
  failed(): void {
    this.#slots.breaker.failed();
  }

  /** Another instance takes over: calls of the one before no longer count against it, nor does what became of them. */
  restart(): void {
    this.#slots.breaker.close();
    this.#slots = this.#newSlots();
    this.#heldUntil = Number.NEGATIVE_INFINITY;
    this.#pump();
  }

  close(): void {
    this.#closed = true;
    this.#slots.breaker.close();
    this.#cancelHold();
    this.assign(new Map());
  }

  #newSlots(): Slots {
    const { clock, random } = this.#options;
    return { calls: 0, bytes: 0, breaker: new Breaker(clock, random, () => this.#pump()) };
  }

  #pump(): void {
    const slots = this.#slots;
    const now = this.#options.clock.monotonic();
    while (
      !this.#closed &&
      this.#ready &&
      now >= this.#heldUntil &&
      slots === this.#slots &&
      slots.calls < this.#limits.maxInFlight &&
      slots.bytes < IN_FLIGHT_BYTES &&
      slots.breaker.allows
    ) {
      const lane = this.#next(now);
      const next = lane && this.#take(lane);
      if (!lane || !next) return;
      this.#now = lane.turn;
      lane.turn += 1 / lane.weight;
      slots.calls++;
      slots.bytes += next.frame.byteLength;
      slots.breaker.started();
      let ended = false;
      this.#options.start(next.frame, next.offeredAt, (end) => {
        if (ended) return;
        ended = true;
        slots.calls--;
        slots.bytes -= next.frame.byteLength;
        this.#ended(lane, slots.breaker, end);
        this.#pump();
      });
    }
  }

  #ended(lane: Lane, breaker: Breaker, end: CallEnd): void {
    switch (end) {
      case 'cancelled':
        breaker.cancelled();
        return;
      case 'ok':
        this.#successes++;
        lane.succeeded();
        breaker.succeeded();
        return;
      default:
        lane.failed(this.#options.clock, this.#successes, () => this.#pump());
        if (end === 'broken') breaker.broken();
        else breaker.failed();
    }
  }

  /** Whose turn it is. A probe is made with a camera that failed least: a poisoned one must not keep the breaker open. */
  #next(now: number): Lane | undefined {
    const probing = this.#slots.breaker.state === 'half_open';
    let best: Lane | undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.queue.length === 0 || lane.rests(now)) continue;
      if (
        !best ||
        (probing && lane.failures !== best.failures ? lane.failures < best.failures : lane.turn < best.turn)
      )
        best = lane;
    }
    return best;
  }

  #fullest(): Lane | undefined {
    const of = this.#queuedBytes > ALL_BYTES ? (lane: Lane) => lane.bytes : (lane: Lane) => lane.queue.length;
    let fullest: Lane | undefined;
    for (const lane of this.#lanes.values()) if (!fullest || of(lane) > of(fullest)) fullest = lane;
    return fullest;
  }

  #drop(lane: Lane | undefined, reason: DropReason): void {
    if (lane && this.#take(lane)) this.#options.onDrop(lane.cameraId, reason);
  }

  #take(lane: Lane) {
    const oldest = lane.shift();
    if (oldest) {
      this.#queued--;
      this.#queuedBytes -= oldest.frame.byteLength;
    }
    return oldest;
  }
}
