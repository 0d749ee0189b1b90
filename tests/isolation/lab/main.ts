/** The full mutation run: `make mutate-containment`; ARGS="3" takes every third. */
import { FuzzKernel, noKernel } from '../fuzz/kernel.ts';
import { judge } from './judge.ts';
import { mutations } from './mutations.ts';
import { shipped } from './shipped.ts';

const why = noKernel();
if (why) {
  console.error(`cannot run: ${why}`);
  process.exit(2);
}
const step = Number(process.argv[2] ?? 1);
const sum = {
  tried: 0,
  refused: 0,
  proven: 0,
  disproved: 0,
  unknown: 0,
  leaking: 0,
  confirmed: 0,
  untried: 0,
  disagreements: 0,
};
const kernel = await FuzzKernel.start();
for (const [i, mutation] of mutations(shipped).entries()) {
  if (i % step !== 0) continue;
  const j = await judge(kernel, mutation.rules);
  sum.tried++;
  if (j.refused) sum.refused++;
  else sum[j.verdict]++;
  sum.leaking += j.through > 0 ? 1 : 0;
  sum.confirmed += j.confirmed;
  sum.untried += j.untried;
  sum.disagreements += j.disagreements.length;
  for (const d of j.disagreements) console.log(`${mutation.name}\n  ${d}`);
}
await kernel.stop();
console.log(JSON.stringify(sum));
process.exit(sum.disagreements === 0 ? 0 : 1);
