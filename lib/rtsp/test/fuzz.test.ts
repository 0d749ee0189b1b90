import { describe, expect, test } from 'vitest';
import { fuzz } from '../fuzz/fuzzer.ts';
import { targets } from '../fuzz/targets/index.ts';

/** The long run is `make fuzz`. */
const RUNS = 20_000;
const SEED = 20_240_601;

describe('mutated inputs: a result or an RtspError', () => {
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
      for (const seed of seeds) expect(`${name}: ${run(seed)}`).not.toMatch(/: (protocol|limit) /);
    }
  });

  test('a parser that breaks its promise is found, with the same input for the same seed', () => {
    const target = {
      name: 'fragile',
      seeds: [Buffer.from('hello')],
      run(input: Buffer): string {
        if (input.includes('hh')) throw new TypeError('two of them');
        return String(input[0]);
      },
    };
    const first = fuzz(target, { runs: RUNS, seed: 1 });
    expect(first.failure?.error).toBeInstanceOf(TypeError);
    expect(fuzz(target, { runs: RUNS, seed: 1 })).toEqual(first);
  });
});
