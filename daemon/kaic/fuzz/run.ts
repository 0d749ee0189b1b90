// make fuzz ARGS="kaic [--runs N] [--seed S]": hostile inputs for the parsers of kaic.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { fuzzMaps, fuzzUri } from './properties.ts';

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
const numRuns = Number(values.runs ?? 1_000_000);
const seed = Number(values.seed ?? randomInt(2 ** 31));
console.log(`seed ${seed}, ${numRuns} inputs a target`);
for (const { name, property, accepted } of [fuzzUri(), fuzzMaps()]) {
  const { failed, counterexample } = fc.check(property, { numRuns, seed });
  console.log(`${name.padEnd(14)} ${failed ? 'FAILED' : 'ok'}: ${accepted()} accepted`);
  if (failed) console.error(JSON.stringify(counterexample));
  if (failed || accepted() === 0) process.exitCode = 1;
}
