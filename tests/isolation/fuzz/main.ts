/** The long run: `make fuzz-containment ARGS="1000 1"` is 1,000 rulesets from seed 1 on, half of them with tracking. */
import { compare, flows } from './compare.ts';
import { FuzzKernel, noKernel } from './kernel.ts';

const why = noKernel();
if (why) {
  console.error(`cannot run: ${why}`);
  process.exit(2);
}
const count = Number(process.argv[2] ?? 1000);
const first = Number(process.argv[3] ?? 1);
const sum = {
  rulesets: 0,
  refused: 0,
  packets: 0,
  decisions: 0,
  sure: 0,
  unsound: 0,
  overpromised: 0,
  disagreements: 0,
};
const kernel = await FuzzKernel.start();
for (let i = 0; i < count; i++) {
  const tracked = i >= count / 2;
  if (tracked && i - 1 < count / 2) {
    const open = flows();
    await kernel.openFlows(open.outgoing, open.incoming);
  }
  const o = await compare(kernel, first + i, tracked);
  sum.rulesets += o.refused ? 0 : 1;
  sum.refused += o.refused ? 1 : 0;
  sum.packets += o.packets;
  sum.decisions += o.decisions;
  sum.sure += o.sure;
  sum.unsound += o.unsound.length;
  sum.overpromised += o.overpromised.length;
  sum.disagreements += o.disagreements.length;
  const wrong = [...o.unsound, ...o.overpromised, ...o.disagreements];
  if (wrong[0] !== undefined)
    console.log(`${tracked ? 'tracked' : 'untracked'} ${wrong[0]} (${wrong.length} in this ruleset)`);
}
await kernel.stop();
console.log(JSON.stringify(sum));
process.exit(sum.unsound + sum.overpromised + sum.disagreements === 0 ? 0 : 1);
