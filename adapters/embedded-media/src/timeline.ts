import { timestampDelta } from '@opennvr/rtsp';
import { TICKS_PER_SECOND } from './recorder/format.ts';

/** A step this much longer than the time that passed, or this far back, is the camera setting its clock, ms. */
const MAX_STEP_MS = 10_000;

/**
 * Turns 32-bit RTP timestamps (RFC 3550 section 5.1), which begin anywhere and wrap, into ticks since `origin`.
 * The first packet is placed by its arrival, the others by the camera's own clock. Where that clock is set, time
 * goes on by what passed here; where packets were only held up, nothing is corrected.
 */
export class Timeline {
  readonly #clockRate: number;
  readonly #originMs: number;
  #last: { rtp: number; seconds: number; arrivedMs: number } | undefined;

  /** @param originMs monotonic ms that is tick 0. */
  constructor(clockRate: number, originMs: number) {
    this.#clockRate = clockRate;
    this.#originMs = originMs;
  }

  /** @param arrivedMs monotonic. */
  at(rtp: number, arrivedMs: number): number {
    const last = this.#last;
    const seconds = last
      ? last.seconds + this.#step(last, rtp, arrivedMs)
      : (arrivedMs - this.#originMs) / 1000;
    this.#last = { rtp, seconds, arrivedMs };
    return Math.round(seconds * TICKS_PER_SECOND);
  }

  #step(last: { rtp: number; arrivedMs: number }, rtp: number, arrivedMs: number): number {
    const step = timestampDelta(last.rtp, rtp) / this.#clockRate;
    const passed = (arrivedMs - last.arrivedMs) / 1000;
    const limit = MAX_STEP_MS / 1000;
    return step > passed + limit || step < -limit ? passed : step;
  }
}
