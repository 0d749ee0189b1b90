import type { Random } from '@opennvr/rtsp';
import type { Clock } from '@opennvr/service';

/** Failures in a row that open it. */
const THRESHOLD = 5;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/** `half_open`: one call is let through to see whether the adapter is back. */
export type BreakerState = 'closed' | 'open' | 'half_open';

/**
 * Keeps a failing adapter from being called at full rate. Opens after five failures in a row, lets one probe through
 * after a pause, closes on its success, and doubles the pause (1 s to 60 s, with jitter) on its failure.
 * One answer that breaks the contract opens it at once: reading such answers may cost more than making them.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onProbe: () => void;
  #state: BreakerState = 'closed';
  #failures = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #probing = false;
  #probeAt = 0;
  #cancel: (() => void) | undefined;

  /** @param onProbe called when a probe may be made: time to look for a frame. */
  constructor(clock: Clock, random: Random, onProbe: () => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onProbe = onProbe;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  /** How long it stays open, ms; 0 when it is not. */
  get opensForMs(): number {
    return this.#state === 'open' ? Math.max(0, this.#probeAt - this.#clock.monotonic()) : 0;
  }

  get state(): BreakerState {
    return this.#state;
  }

  get allows(): boolean {
    return this.#state === 'closed' || (this.#state === 'half_open' && !this.#probing);
  }

  /** A call starts. Only when {@link allows}. */
  started(): void {
    if (this.#state === 'half_open') this.#probing = true;
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#state === 'open') return; // A call from before it opened says nothing about now.
    this.#probing = false;
    this.#state = 'closed';
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  failed(): void {
    this.#failures++;
    if (this.#state === 'open') return;
    if (this.#state === 'half_open') {
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      this.#open();
    } else if (this.#failures >= THRESHOLD) {
      this.#open();
    }
  }

  /** It broke the contract, which is no bad luck. */
  broken(): void {
    this.#failures = Math.max(this.#failures, THRESHOLD - 1);
    this.failed();
  }

  /** The call says nothing about the adapter; a probe may be made again. */
  cancelled(): void {
    this.#probing = false;
  }

  close(): void {
    this.#cancel?.();
  }

  #open(): void {
    this.#state = 'open';
    this.#probing = false;
    const pauseMs = this.#pauseMs * (0.5 + this.#random() / 2);
    this.#probeAt = this.#clock.monotonic() + pauseMs;
    this.#cancel = this.#clock.after(pauseMs, () => {
      this.#state = 'half_open';
      this.#onProbe();
    });
  }
}
