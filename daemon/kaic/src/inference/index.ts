import type { AdapterStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { AdapterPlan, CameraPlan, Detection, InferenceEngine, StoredFrame } from '../types.ts';
import { AdapterDriver, type DriverParts } from './driver.ts';

export { DecoderClient } from './decoder-client.ts';

export type EngineParts = Omit<DriverParts, 'onDetection'>;

/** Drives all adapters. Each has its own schedule, so one that hangs costs the others nothing. */
export class AdapterEngine implements InferenceEngine {
  readonly #parts: EngineParts;
  readonly #drivers = new Map<string, AdapterDriver>();
  readonly #listeners: ((detection: Detection) => void)[] = [];

  constructor(parts: EngineParts) {
    this.#parts = parts;
  }

  apply(adapters: readonly AdapterPlan[], cameras: readonly CameraPlan[]): void {
    const byName = new Map(adapters.map((adapter) => [adapter.name, adapter]));
    for (const [name, driver] of this.#drivers) {
      if (byName.has(name)) continue;
      driver.close();
      this.#drivers.delete(name);
    }
    for (const [name, adapter] of byName) {
      let driver = this.#drivers.get(name);
      if (!driver) {
        const onDetection = (detection: Detection) => {
          for (const listener of this.#listeners) listener(detection);
        };
        driver = new AdapterDriver(adapter, { ...this.#parts, onDetection });
        this.#drivers.set(name, driver);
      }
      driver.update(adapter, cameras);
    }
  }

  onFrame(frame: StoredFrame): void {
    for (const driver of this.#drivers.values()) driver.offer(frame);
  }

  status(): AdapterStatus[] {
    return [...this.#drivers.values()].map((driver) => driver.status());
  }

  onDetection(listener: (detection: Detection) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    for (const driver of this.#drivers.values()) driver.close();
    this.#drivers.clear();
  }
}
