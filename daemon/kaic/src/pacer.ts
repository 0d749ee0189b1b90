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
  #due = Number.NEGATIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs;
  }

  /** Whether a frame at `now` (monotonic ms) has its turn; if so it is taken. */
  take(now: number): boolean {
    const slack = Math.min(this.intervalMs * SLACK_SHARE, MAX_SLACK_MS);
    const earliest = this.#last + this.intervalMs;
    // Bounded on both sides because the turn may have been set by another interval.
    const due = Math.min(Math.max(this.#due, earliest), earliest + slack);
    if (now < due - slack) return false;
    this.#due = Math.max(due, now) + this.intervalMs;
    this.#last = now;
    return true;
  }
}
