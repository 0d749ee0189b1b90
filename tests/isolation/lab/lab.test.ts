import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FuzzKernel, noKernel, type Seen } from '../fuzz/kernel.ts';
import { type Attempt, attempts, errands } from './attempts.ts';
import { packetOf } from './packets.ts';
import { lockdown, shipped } from './shipped.ts';

const why = noKernel();
const all = [...attempts, ...errands];

describe.skipIf(why)(`real packets against the shipped ruleset${why ? ` (skipped: ${why})` : ''}`, () => {
  let kernel: FuzzKernel;
  beforeAll(async () => {
    kernel = await FuzzKernel.start();
  });
  afterAll(() => kernel?.stop());

  /** Sends everything once and says what came out behind the rules. */
  async function send(ruleset: string): Promise<(a: Attempt) => boolean> {
    if (kernel.load(ruleset) === undefined) throw new Error('nft refused the ruleset');
    const seen: Seen = await kernel.run(
      all.map((a, i) => packetOf(a.shape, i + 1)),
      true,
    );
    return (a) => seen[`${a.through}1`].has(all.indexOf(a) + 1);
  }

  it('has at least 40 different attempts', () => {
    expect(new Set(attempts.map((a) => a.name)).size).toBe(attempts.length);
    expect(attempts.length).toBeGreaterThanOrEqual(40);
  });

  it('no attempt gets through, every errand does', async () => {
    const through = await send(shipped);
    expect(attempts.filter(through).map((a) => a.name)).toEqual([]);
    expect(errands.filter((e) => !through(e)).map((e) => e.name)).toEqual([]);
  });

  it('without the ruleset every attempt gets through, but for what the kernel itself refuses', async () => {
    const through = await send('');
    expect(attempts.filter((a) => !through(a)).map((a) => a.name)).toEqual(
      attempts.filter((a) => a.impossible !== undefined).map((a) => a.name),
    );
  });

  it('before it could be loaded, nothing gets in, out or through', async () => {
    const through = await send(lockdown);
    expect(
      all
        .filter(through)
        .filter((a) => a.shape.card !== 'lo')
        .map((a) => a.name),
    ).toEqual([]);
  });
});
