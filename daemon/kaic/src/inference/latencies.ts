const KEPT = 1024;

/** Percentiles over the newest 1,024 samples. */
export class Latencies {
  readonly #samples = new Float64Array(KEPT);
  #count = 0;

  add(ms: number): void {
    this.#samples[this.#count++ % KEPT] = ms;
  }

  /** Nearest-rank percentile of each share (0.5, 0.99, …), in ms; 0 while there are no samples. */
  percentiles<T extends number[]>(...shares: T): { [I in keyof T]: number } {
    const sorted = this.#samples.slice(0, Math.min(this.#count, KEPT)).sort();
    const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return shares.map(rank) as { [I in keyof T]: number };
  }
}
