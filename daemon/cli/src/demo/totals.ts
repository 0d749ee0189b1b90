import type { WatchStatusResponse } from '@opennvr/proto/opennvr/kaic/v1/kaic';

interface CameraTotals {
  keyframesStored: number;
  /** Of all adapters together. */
  results: number;
  lastUri: string;
}

interface AdapterTotals {
  name: string;
  results: number;
  timeouts: number;
  p50Ms: number;
  p99Ms: number;
}

/** A counter that goes on where it was when its source starts over at 0. */
class Counter {
  #before = 0;
  #last = 0;

  see(value: number): void {
    if (value < this.#last) this.#before += this.#last;
    this.#last = value;
  }

  get total(): number {
    return this.#before + this.#last;
  }
}

/** kaic counts since its start; this counts over its restarts. */
export class StatusTotals {
  frameStore = { bytes: 0, capBytes: 0 };
  readonly #counters = new Map<string, Counter>();
  readonly #uris = new Map<string, string>();
  readonly #latencies = new Map<string, { p50Ms: number; p99Ms: number }>();

  see(status: WatchStatusResponse): void {
    for (const tap of status.taps) {
      this.#count('stored', tap.cameraId).see(tap.keyframesStored);
      if (tap.lastUri !== '') this.#uris.set(tap.cameraId, tap.lastUri);
    }
    for (const adapter of status.adapters) {
      this.#count('results', adapter.name).see(adapter.results);
      this.#count('timeouts', adapter.name).see(adapter.timeouts);
      // Percentiles of no result yet, after a restart, say nothing.
      if (adapter.results > 0 || !this.#latencies.has(adapter.name)) {
        this.#latencies.set(adapter.name, { p50Ms: micros(adapter.p50Ms), p99Ms: micros(adapter.p99Ms) });
      }
      for (const camera of adapter.cameras) {
        this.#count('camera', camera.cameraId, adapter.name).see(camera.results);
      }
    }
    const { bytes = 0, capBytes = 0 } = status.frameStore ?? {};
    this.frameStore = { bytes, capBytes };
  }

  camera(id: string): CameraTotals {
    const results = [...this.#latencies.keys()].map((adapter) => this.#count('camera', id, adapter).total);
    return {
      keyframesStored: this.#count('stored', id).total,
      results: results.reduce((sum, count) => sum + count, 0),
      lastUri: this.#uris.get(id) ?? '',
    };
  }

  adapters(): AdapterTotals[] {
    return [...this.#latencies].map(([name, latency]) => ({
      name,
      results: this.#count('results', name).total,
      timeouts: this.#count('timeouts', name).total,
      ...latency,
    }));
  }

  #count(...key: string[]): Counter {
    const name = key.join(' ');
    const counter = this.#counters.get(name) ?? new Counter();
    this.#counters.set(name, counter);
    return counter;
  }
}

/** To the microsecond; more digits would be made up. */
function micros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
