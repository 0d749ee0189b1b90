import type { AdapterCameraStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';

/** What is counted of an adapter on a camera. */
export type Counted = 'results' | 'timeouts' | 'errors' | 'filtered' | 'inactive';

type Counts = Record<Counted, number> & { drops: Map<string, number> };

/** Counters since start, by camera. What cameras that have left did still counts in the sums. */
export class Tally {
  readonly #cameras = new Map<string, Counts>();
  readonly #gone = newCounts();

  count(cameraId: string, what: Counted, by = 1): void {
    this.#of(cameraId)[what] += by;
  }

  drop(cameraId: string, reason: string): void {
    addTo(this.#of(cameraId).drops, reason, 1);
  }

  /** Makes these the cameras that are told of one by one. */
  keep(cameraIds: ReadonlyMap<string, unknown>): void {
    for (const cameraId of cameraIds.keys()) {
      if (!this.#cameras.has(cameraId)) this.#cameras.set(cameraId, newCounts());
    }
    for (const [cameraId, counts] of this.#cameras) {
      if (cameraIds.has(cameraId)) continue;
      this.#cameras.delete(cameraId);
      for (const what of ['results', 'timeouts', 'errors', 'filtered', 'inactive'] as const)
        this.#gone[what] += counts[what];
      for (const [reason, count] of counts.drops) addTo(this.#gone.drops, reason, count);
    }
  }

  total(what: Counted): number {
    return this.#all().reduce((sum, counts) => sum + counts[what], 0);
  }

  get dropped(): number {
    return this.#all().reduce((sum, { drops }) => sum + sumOf(drops), 0);
  }

  status(): AdapterCameraStatus[] {
    return [...this.#cameras].map(([cameraId, { drops, ...counts }]) => ({
      cameraId,
      ...counts,
      dropped: sumOf(drops),
      drops: [...drops].map(([reason, count]) => ({ reason, count })),
    }));
  }

  /** Calls may end after their camera has left: they count for no camera then. */
  #of(cameraId: string): Counts {
    return this.#cameras.get(cameraId) ?? this.#gone;
  }

  #all(): Counts[] {
    return [...this.#cameras.values(), this.#gone];
  }
}

function newCounts(): Counts {
  return { results: 0, timeouts: 0, errors: 0, filtered: 0, inactive: 0, drops: new Map() };
}

function addTo(drops: Map<string, number>, reason: string, count: number): void {
  drops.set(reason, (drops.get(reason) ?? 0) + count);
}

function sumOf(drops: Map<string, number>): number {
  let sum = 0;
  for (const count of drops.values()) sum += count;
  return sum;
}
