import { afterAll, afterEach, beforeEach, describe } from 'vitest';
import { type EngineKind, EngineProcess, engineKinds, removeBundles } from './media-engine.ts';

export interface Suite {
  /** A fresh engine, not yet started, removed after the test. */
  readonly engine: EngineProcess;
  readonly kind: EngineKind;
  /** Runs after the test, last registered first, before the engine is removed. */
  after(close: () => unknown): void;
}

/** The same tests for each engine; the half whose program is absent is skipped and says why. */
export function describeEngines(title: string, tests: (suite: Suite) => void): void {
  afterAll(removeBundles);
  for (const kind of engineKinds()) {
    const name = `${title}, ${kind.name} engine`;
    describe.skipIf(kind.missing)(kind.missing ? `${name} (skipped: ${kind.missing})` : name, () => {
      let engine: EngineProcess | undefined;
      const closers: (() => unknown)[] = [];
      beforeEach(async () => {
        engine = await EngineProcess.create(kind);
      });
      afterEach(async () => {
        for (const close of closers.splice(0).reverse()) await close();
        await engine?.remove();
      });
      tests({
        kind,
        get engine() {
          if (!engine) throw new Error('only inside a test');
          return engine;
        },
        after: (close) => closers.push(close),
      });
    });
  }
}
