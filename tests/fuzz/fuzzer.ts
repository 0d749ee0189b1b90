import { Mutator, seededRandom } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** Inputs kept to mutate further. */
const MAX_CORPUS = 4096;

export interface FuzzResult {
  runs: number;
  /** Inputs kept because they brought out something new. */
  corpus: number;
  /** The input that broke the parser's promise, and how; undefined when none did. */
  failure?: { input: Buffer; error: unknown };
  /** Longest time of one input, ms; 0 when no clock was given. */
  slowestMs: number;
}

export interface FuzzOptions {
  runs: number;
  seed: number;
  /** Monotonic ms. */
  now?: () => number;
}

/**
 * Feeds mutated inputs to `target`, the same ones for the same seed. Stops at the first that makes it throw.
 *
 * An input counts as new when the target's answer to it is; that takes the place of code coverage, which would need
 * a native addon that not every system of ours can load.
 */
export function fuzz(target: FuzzTarget, { runs, seed, now = () => 0 }: FuzzOptions): FuzzResult {
  const mutator = new Mutator(seededRandom(seed), target.dictionary);
  const corpus = [...target.seeds];
  const seen = new Set<string>();
  const result: FuzzResult = { runs: 0, corpus: corpus.length, slowestMs: 0 };
  const pick = () => corpus[mutator.below(corpus.length)] ?? Buffer.alloc(0);
  for (let i = 0; i < runs; i++) {
    const input = target.seeds[i] ?? mutator.mutate(pick(), pick());
    const before = now();
    try {
      const answer = target.run(input);
      if (!seen.has(answer) && corpus.length < MAX_CORPUS) {
        seen.add(answer);
        corpus.push(input);
      }
    } catch (error) {
      result.failure = { input, error };
    }
    result.runs++;
    if (result.failure) break;
    if (now() - before > result.slowestMs) {
      // A second time, as the first may have been a garbage collection or another process.
      const again = now();
      target.run(input);
      result.slowestMs = Math.max(result.slowestMs, Math.min(now() - again, again - before));
    }
  }
  result.corpus = corpus.length;
  return result;
}
