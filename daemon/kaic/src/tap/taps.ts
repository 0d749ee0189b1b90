import type { TapStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { FrameListener } from '../types.ts';
import { Tap, type TapOptions } from './tap.ts';

/** A camera to tap, checked and with its units spelt out. */
export interface TapPlan {
  cameraId: string;
  /** 0: every I-frame. */
  intervalMs: number;
  /** Its share of adapters that cannot keep up, 1 to 100. */
  weight: number;
  /** Some adapter is assigned to the camera. */
  watched: boolean;
}

export type TapsOptions = Omit<TapOptions, 'cameraId' | 'intervalMs' | 'listener'> & {
  listener: FrameListener;
};

/** All taps: what one does or suffers never reaches another. */
export class Taps {
  readonly #options: TapsOptions;
  readonly #taps = new Map<string, Tap>();

  constructor(options: TapsOptions) {
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
    for (const { cameraId, intervalMs, watched } of plans) {
      const listener = watched ? this.#options.listener : undefined;
      const tap = this.#taps.get(cameraId);
      if (tap) tap.adjust({ intervalMs, listener });
      else this.#taps.set(cameraId, new Tap({ ...this.#options, cameraId, intervalMs, listener }));
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
