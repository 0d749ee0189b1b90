import { stageOf } from '@opennvr/containment/model';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare, flows, type Outcome } from './compare.ts';
import { FuzzKernel, noKernel } from './kernel.ts';

const why = noKernel();

/** Saved: each found something once (fragments at -450 and -300, later pieces read as headers), or might. */
const TRACKED = [15, 37, 67, 77, 145, 197, 221, ...Array.from({ length: 11 }, (_, i) => 2 * i + 1001)];
const UNTRACKED = [136, 60697, ...Array.from({ length: 8 }, (_, i) => 2 * i + 1000)];

describe.skipIf(why)(
  `random rulesets in the kernel and in the model${why ? ` (skipped: ${why})` : ''}`,
  () => {
    let kernel: FuzzKernel;
    beforeAll(async () => {
      kernel = await FuzzKernel.start();
    });
    afterAll(() => kernel?.stop());

    async function run(seeds: readonly number[], tracked: boolean, stages = stageOf): Promise<Outcome[]> {
      const out: Outcome[] = [];
      for (const seed of seeds) out.push(await compare(kernel, seed, tracked, stages));
      return out;
    }

    function agrees(outcomes: readonly Outcome[]): void {
      expect(outcomes.flatMap((o) => o.unsound)).toEqual([]);
      expect(outcomes.flatMap((o) => o.overpromised)).toEqual([]);
      expect(outcomes.flatMap((o) => o.disagreements)).toEqual([]);
      expect(outcomes.filter((o) => o.refused)).toEqual([]);
      // Packets do arrive, and the model mostly knows what becomes of them.
      const decisions = outcomes.reduce((sum, o) => sum + o.decisions, 0);
      expect(decisions).toBeGreaterThan(300 * outcomes.length);
      expect(outcomes.reduce((sum, o) => sum + o.sure, 0)).toBeGreaterThan(decisions * 0.6);
    }

    it('agree without connection tracking, fragments and all', async () => {
      agrees(await run(UNTRACKED, false));
    }, 120_000);

    it('agree with connection tracking and open flows', async () => {
      const open = flows();
      await kernel.openFlows(open.outgoing, open.incoming);
      const outcomes = await run(TRACKED, true);
      agrees(outcomes);
      for (const state of ['new', 'established', 'invalid', 'untracked']) {
        expect(
          outcomes.reduce((sum, o) => sum + (o.states.get(state) ?? 0), 0),
          state,
        ).toBeGreaterThan(0);
      }
    }, 120_000);

    it('finds the model that takes connection state before tracking for the state after it', async () => {
      const outcomes = await run([15, 37, 67, 77], true, (hook, priority) => ({
        ...stageOf(hook, priority),
        early: false,
      }));
      expect(outcomes.flatMap((o) => o.unsound).length).toBeGreaterThan(0);
    }, 60_000);

    it('finds the model that takes pieces of packets for whole ones', async () => {
      const outcomes = await run([197, 221], true, (hook, priority) => ({
        ...stageOf(hook, priority),
        pieces: 'never',
      }));
      expect(outcomes.flatMap((o) => [...o.unsound, ...o.overpromised]).length).toBeGreaterThan(0);
    }, 60_000);
  },
);
