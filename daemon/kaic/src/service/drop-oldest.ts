/** The part of a gRPC server stream that is used here. */
export interface Sink<T> {
  /** False when the reader lags: wait for 'drain'. */
  write(message: T): boolean;
  on(event: 'drain', listener: () => void): unknown;
}

/** A bounded queue in front of a stream: who reads too slowly loses the oldest, and can be told how many. */
export class DropOldest<T> {
  /** Messages lost so far. */
  dropped = 0;
  readonly #sink: Sink<T>;
  readonly #capacity: number;
  /** Made only when sent, so that it carries the newest count. */
  readonly #waiting: (() => T)[] = [];
  #flowing = true;

  constructor(sink: Sink<T>, capacity: number) {
    this.#sink = sink;
    this.#capacity = capacity;
    sink.on('drain', () => {
      this.#flowing = true;
      this.#flush();
    });
  }

  push(make: () => T): void {
    this.#waiting.push(make);
    if (this.#waiting.length > this.#capacity) {
      this.#waiting.shift();
      this.dropped++;
    }
    this.#flush();
  }

  #flush(): void {
    while (this.#flowing) {
      const make = this.#waiting.shift();
      if (!make) return;
      this.#flowing = this.#sink.write(make());
    }
  }
}
