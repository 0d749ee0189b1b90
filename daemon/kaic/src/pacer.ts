/** How early a frame may come and still count for its turn: cameras and networks jitter. */
const SLACK_SHARE = 0.1;
const MAX_SLACK_MS = 100;

/**
 * Lets through at most one frame an interval, on average; two are never closer than 90 % of it.
 * A frame that comes a little early takes its turn without moving the next one, so a camera that sends one
 * keyframe a second, give or take, loses none to an interval of one second.
 */
export class Pacer {
  /** 0 lets everything through. May be changed at any time; counts from the last frame let through. */
  intervalMs: number;
  #turn = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** When the next frame may come at the earliest, monotonic ms. */
  get nextTurn(): number {
    return this.#due() - this.#slack;
  }

  /** Whether a frame at `now` (monotonic ms) has its turn; if so it is taken. */
  take(now: number): boolean {
    if (now < this.nextTurn) return false;
    this.#turn = Math.max(this.#due(), now) + this.intervalMs;
    this.#last = now;
    return true;
  }

  get #slack(): number {
    return Math.min(this.intervalMs * SLACK_SHARE, MAX_SLACK_MS);
  }

  /** Bounded on both sides because the turn may have been set under another interval. */
  #due(): number {
    const earliest = this.#last + this.intervalMs;
    return Math.min(Math.max(this.#turn, earliest), earliest + this.#slack);
  }
}
