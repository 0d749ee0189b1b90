import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FuzzKernel, noKernel } from '../fuzz/kernel.ts';
import { judge } from './judge.ts';
import { mutations } from './mutations.ts';
import { shipped } from './shipped.ts';

const why = noKernel();
/** A prime, so that the sample is of every kind; `make mutate-containment` takes all. */
const STEP = 19;

describe.skipIf(why)(`small changes to the ruleset${why ? ` (skipped: ${why})` : ''}`, () => {
  let kernel: FuzzKernel;
  beforeAll(async () => {
    kernel = await FuzzKernel.start();
  });
  afterAll(() => kernel?.stop());

  it('are at least 300', () => {
    expect(mutations(shipped).length).toBeGreaterThanOrEqual(300);
  });

  it('mean the same to the proof and to packets', async () => {
    const sample = mutations(shipped).filter((_, i) => i % STEP === 0);
    const judged = [];
    for (const mutation of sample)
      judged.push({ name: mutation.name, ...(await judge(kernel, mutation.rules)) });
    expect(judged.flatMap((j) => j.disagreements.map((d) => `${j.name}: ${d}`))).toEqual([]);
    // Some are harmless, some are not, and of those the packets say so too.
    expect(judged.filter((j) => j.verdict === 'proven').length).toBeGreaterThan(5);
    expect(judged.filter((j) => j.verdict === 'disproved').length).toBeGreaterThan(5);
    expect(judged.reduce((sum, j) => sum + j.confirmed, 0)).toBeGreaterThan(10);
  }, 240_000);
});
