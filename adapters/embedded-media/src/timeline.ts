import { timestampDelta } from '@opennvr/rtsp';
import { TICKS_PER_SECOND } from './recorder/format.ts';

/** Media time and arrival may drift this far apart before we believe that the camera set its clock, ms. */
const MAX_SKEW_MS = 10_000;

/**
 * Turns 32-bit RTP timestamps (RFC 3550 section 5.1), which begin anywhere and wrap, into ticks since `origin`.
 * The first packet is placed by its arrival; all others by the camera's own clock.
 */
export class Timeline {
  readonly #clockRate: number;
  readonly #originMs: number;
  #last: { rtp: number; units: number; arrivedMs: number } | undefined;
  #offsetMs = 0;

  /** @param originMs monotonic ms that is tick 0. */
  constructor(clockRate: number, originMs: number) {
    this.#clockRate = clockRate;
    this.#originMs = originMs;
  }

  /**
   * @param arrivedMs monotonic.
   * @returns the time, and whether the camera's clock jumped: what follows then does not continue what came before.
   */
  at(rtpTimestamp: number, arrivedMs: number): { time: number; jumped: boolean } {
    if (!this.#last) {
      this.#last = { rtp: rtpTimestamp, units: 0, arrivedMs };
      this.#offsetMs = arrivedMs - this.#originMs;
      return { time: this.#ticks(0), jumped: false };
    }
    const units = this.#last.units + timestampDelta(this.#last.rtp, rtpTimestamp);
    const mediaMs = ((units - this.#last.units) * 1000) / this.#clockRate;
    if (Math.abs(mediaMs - (arrivedMs - this.#last.arrivedMs)) > MAX_SKEW_MS) {
      this.#last = undefined;
      return { ...this.at(rtpTimestamp, arrivedMs), jumped: true };
    }
    this.#last = { rtp: rtpTimestamp, units, arrivedMs };
    return { time: this.#ticks(units), jumped: false };
  }

  #ticks(units: number): number {
    return Math.round(
      (units * TICKS_PER_SECOND) / this.#clockRate + (this.#offsetMs * TICKS_PER_SECOND) / 1000,
    );
  }
}
