import type { CameraSpec, Clock } from '../src/index.ts';

export function camera(patch: Partial<CameraSpec> = {}): CameraSpec {
  return {
    id: 'door',
    url: 'rtsp://10.0.0.5/stream',
    username: '',
    password: '',
    transport: 0,
    tlsFingerprint: '',
    record: true,
    ...patch,
  };
}

/** A clock that moves only when told to. */
export class TestClock implements Clock {
  #now = 1_700_000_000_000;
  #timers: { at: number; fn: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.fn();
  }
}
