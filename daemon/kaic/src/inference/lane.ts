import type { Clock } from '@opennvr/service';
import { Pacer } from '../pacer.ts';
import type { StoredFrame } from '../types.ts';

/** Failures in a row, while other cameras succeed, after which a camera's frames rest. */
const THRESHOLD = 3;
const FIRST_REST_MS = 1000;
const LONGEST_REST_MS = 60_000;

export interface LanePlan {
  intervalMs: number;
  /** Share next to other cameras, 1 to 100. */
  weight: number;
}

export interface Waiting {
  frame: StoredFrame;
  /** Monotonic ms. */
  offeredAt: number;
}

/** One camera's place in the schedule of one adapter. */
export class Lane {
  readonly cameraId: string;
  readonly pacer: Pacer;
  weight: number;
  readonly queue: Waiting[] = [];
  bytes = 0;
  /** Virtual time at which its next turn is due: the lower, the sooner. */
  turn = 0;
  failures = 0;
  #restMs = FIRST_REST_MS;
  #restsUntil = Number.NEGATIVE_INFINITY;
  /** Successes of all cameras when this one's failures began. */
  #failingSince = 0;

  constructor(cameraId: string, { intervalMs, weight }: LanePlan) {
    this.cameraId = cameraId;
    this.pacer = new Pacer(intervalMs);
    this.weight = weight;
  }

  push(waiting: Waiting): void {
    this.queue.push(waiting);
    this.bytes += waiting.frame.byteLength;
  }

  /** The oldest frame that waits. */
  shift(): Waiting | undefined {
    const oldest = this.queue.shift();
    this.bytes -= oldest?.frame.byteLength ?? 0;
    return oldest;
  }

  rests(now: number): boolean {
    return now < this.#restsUntil;
  }

  succeeded(): void {
    this.failures = 0;
    this.#restMs = FIRST_REST_MS;
  }

  /**
   * Frames that fail while those of other cameras do not are this camera's fault: it rests, longer each time, so that
   * it neither opens the breaker for all nor kills the adapter over and over.
   *
   * @param successes of the adapter so far
   * @param tell called when the rest is over
   */
  failed(clock: Clock, successes: number, tell: () => void): void {
    if (this.failures++ === 0) this.#failingSince = successes;
    if (this.failures < THRESHOLD || successes === this.#failingSince) return;
    this.#restsUntil = clock.monotonic() + this.#restMs;
    clock.after(this.#restMs, tell);
    this.#restMs = Math.min(this.#restMs * 2, LONGEST_REST_MS);
    this.#failingSince = successes;
  }
}
