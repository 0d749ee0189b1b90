import type { TapStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { Tap, type TapOptions } from './tap.ts';

/** A camera to tap, checked and with its units spelt out. */
export interface TapPlan {
  cameraId: string;
  /** 0: every I-frame. */
  intervalMs: number;
}

/** All taps: what one does or suffers never reaches another. */
export class Taps {
  readonly #options: Omit<TapOptions, keyof TapPlan>;
  readonly #taps = new Map<string, Tap>();

  constructor(options: Omit<TapOptions, keyof TapPlan>) {
    this.#options = options;
  }

  /** Makes these the taps. One that stays keeps its session, also with another interval. */
  apply(plans: readonly TapPlan[]): void {
    const wanted = new Set(plans.map(({ cameraId }) => cameraId));
    for (const [id, tap] of this.#taps) {
      if (wanted.has(id)) continue;
      this.#taps.delete(id);
      void tap.close();
    }
    for (const plan of plans) {
      const tap = this.#taps.get(plan.cameraId);
      if (tap) tap.setInterval(plan.intervalMs);
      else this.#taps.set(plan.cameraId, new Tap({ ...this.#options, ...plan }));
    }
  }

  onCameraChange(cameraId: string): void {
    this.#taps.get(cameraId)?.onCameraChange();
  }

  status(): TapStatus[] {
    return [...this.#taps.values()].map((tap) => tap.status());
  }

  async close(): Promise<void> {
    await Promise.all([...this.#taps.values()].map((tap) => tap.close()));
  }
}
