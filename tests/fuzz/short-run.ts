import { describe, expect, test } from 'vitest';
import { fuzz } from './fuzzer.ts';
import { REFUSED } from './outcome.ts';
import type { FuzzTarget } from './target.ts';

/** The long run is `make fuzz`. */
const RUNS = 20_000;
const SEED = 20_240_601;

/** The same mutated inputs for each target every time: for a `fuzz.test.ts`. */
export function shortRun(targets: readonly FuzzTarget[]): void {
  describe('mutated inputs', () => {
    test.each(targets.map((target) => [target.name, target] as const))(
      '%s',
      { timeout: 120_000 },
      (_name, target) => {
        const { failure, runs, corpus } = fuzz(target, { runs: RUNS, seed: SEED });
        if (failure) throw new Error(`input ${failure.input.toString('hex')}`, { cause: failure.error });
        expect(runs).toBe(RUNS);
        // It got beyond the first check.
        expect(corpus).toBeGreaterThan(target.seeds.length + 3);
      },
    );

    test('the seeds are understood', () => {
      for (const { name, seeds, run } of targets) {
        for (const seed of seeds) expect(`${name}: ${run(seed)}`).not.toContain(`${name}: ${REFUSED}`);
      }
    });
  });
}
