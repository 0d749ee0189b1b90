/** Lets `limit` calls run at a time and `waiting` more wait; further ones are turned away at once. */
export class Gate {
  readonly #limit: number;
  readonly #waiting: number;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  constructor(limit: number, waiting: number) {
    this.#limit = limit;
    this.#waiting = waiting;
  }

  /**
   * Runs `task` when there is room. Returns undefined when there is none even to wait, or when `signal` is aborted
   * before its turn comes.
   */
  async run<T>(signal: AbortSignal, task: () => Promise<T>): Promise<{ value: T } | undefined> {
    if (signal.aborted || !(await this.#enter(signal))) return undefined;
    try {
      return { value: await task() };
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  #enter(signal: AbortSignal): Promise<boolean> {
    if (this.#running < this.#limit) {
      this.#running++;
      return Promise.resolve(true);
    }
    if (this.#queue.length >= this.#waiting) return Promise.resolve(false);
    return new Promise((resolve) => {
      const start = () => {
        signal.removeEventListener('abort', leave);
        this.#running++;
        resolve(true);
      };
      const leave = () => {
        this.#queue.splice(this.#queue.indexOf(start), 1);
        resolve(false);
      };
      this.#queue.push(start);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}
