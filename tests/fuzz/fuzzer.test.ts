import { expect, test } from 'vitest';
import { fuzz } from './fuzzer.ts';

test('a parser that breaks its promise is found, with the same input for the same seed', () => {
  const target = {
    name: 'fragile',
    seeds: [Buffer.from('hello')],
    run(input: Buffer): string {
      if (input.includes('hh')) throw new TypeError('two of them');
      return String(input[0]);
    },
  };
  const first = fuzz(target, { runs: 20_000, seed: 1 });
  expect(first.failure?.error).toBeInstanceOf(TypeError);
  expect(fuzz(target, { runs: 20_000, seed: 1 })).toEqual(first);
});
