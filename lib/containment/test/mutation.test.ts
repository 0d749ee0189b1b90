import { afterAll, describe, expect, it } from 'vitest';
import { BddAlgebra } from '../src/algebra.ts';
import { Executor } from '../src/execute.ts';
import { prove } from '../src/index.ts';
import { ask, violations } from '../src/prove.ts';
import { parseRuleset } from '../src/ruleset.ts';
import { loaded, noKernel, policy } from './kernel.ts';
import { mutants } from './mutants.ts';
import { Z3Algebra } from './z3.ts';

const why = noKernel();

describe.skipIf(why)(`changes to the shipped ruleset${why ? ` (skipped: ${why})` : ''}`, () => {
  let z3: Awaited<ReturnType<typeof Z3Algebra.start>> | undefined;
  let used = 0;
  /** Z3 keeps what it has seen: a fresh one now and then. */
  async function engine(interfaceBits: number): Promise<Z3Algebra> {
    if (used++ % 8 === 0) {
      await z3?.stop();
      z3 = undefined;
    }
    z3 ??= await Z3Algebra.start();
    return z3.algebra(interfaceBits);
  }
  afterAll(() => z3?.stop());

  it.each(mutants)(
    '$name: $breaks',
    async ({ rules, breaks, verdict }) => {
      const listing = loaded(rules);
      const certificate = prove({ ruleset: listing, policy, time: 0 });
      const open = certificate.properties.filter((p) => p.verdict !== 'proven').map((p) => p.id);
      const all = certificate.properties.map((p) => p.id).join(' ');
      expect(open.join(' ')).toBe(breaks === 'all' ? all : breaks);
      expect(certificate.verdict).toBe(breaks === '' ? 'proven' : (verdict ?? 'disproved'));
      for (const p of certificate.properties) {
        // The replay, written apart from the executor, finds a way for each packet the engine names.
        expect(p.counterexample?.rules ?? []).not.toContain(
          'the step-by-step replay does not agree: please report this',
        );
      }

      // The second engine, over the same flow of packets, finds the same claims open.
      const ruleset = parseRuleset(listing);
      const question = ask(ruleset, policy);
      const make = <S>(alg: ConstructorParameters<typeof Executor<S>>[0]) => ({
        sound: new Executor(alg, ruleset, question.interfaces, false),
        calm: new Executor(alg, ruleset, question.interfaces, true),
      });
      const bdd = new BddAlgebra(question.interfaces.bits);
      const bddEngines = make(bdd);
      const second = await engine(question.interfaces.bits);
      const z3Engines = make(second);
      const closed: ReturnType<Z3Algebra['union']>[] = [];
      for (const property of question.properties) {
        for (const claim of property.claims) {
          const first = violations(bdd, bddEngines, claim, property.kind, question.interfaces);
          const other = violations(second, z3Engines, claim, property.kind, question.interfaces);
          if (first.maybe === bdd.no) {
            closed.push(other.maybe);
            continue;
          }
          expect(await second.isEmpty(other.maybe), property.id).toBe(false);
          expect(await second.isEmpty(other.surely), property.id).toBe(first.surely === bdd.no);
        }
      }
      expect(await second.isEmpty(second.union(closed))).toBe(true);
    },
    120_000,
  );
});
