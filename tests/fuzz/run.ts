// make fuzz ARGS="[--runs N] [--seed S] [--target NAME]": mutated inputs for every parser, the same for the same seed.
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzzer.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string' }, seed: { type: 'string' }, target: { type: 'string' } },
});
const runs = Number(values.runs ?? 1_000_000);
const seed = Number(values.seed ?? randomInt(2 ** 32));
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0 || !Number.isSafeInteger(runs) || !Number.isSafeInteger(seed)) {
  console.error(
    `usage: [--runs N] [--seed S] [--target NAME], NAME one of: ${targets.map(({ name }) => name).join(', ')}`,
  );
  process.exit(64);
}

console.log(`seed ${seed}, ${runs} inputs a target`);
for (const target of chosen) {
  const start = performance.now();
  const { failure, corpus, slowestMs, ...result } = fuzz(target, {
    runs,
    seed,
    now: () => performance.now(),
  });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const summary = `${result.runs} inputs, ${corpus} kept, ${seconds} s, slowest ${slowestMs.toFixed(1)} ms`;
  console.log(`${target.name.padEnd(14)} ${failure ? 'FAILED' : 'ok'}: ${summary}`);
  if (!failure) continue;
  const path = join(tmpdir(), `fuzz-${target.name}-${seed}.bin`);
  writeFileSync(path, failure.input);
  console.error(failure.error);
  console.error(`the input is in ${path}`);
  process.exitCode = 1;
}
