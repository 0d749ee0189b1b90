/** One changed ruleset: what the proof says about it, and what packets say. */
import { type Certificate, type Counterexample, prove } from '@opennvr/containment';
import type { FuzzKernel, ProbedHook } from '../fuzz/kernel.ts';
import { CARDS } from '../fuzz/pools.ts';
import { type Attempt, attempts, errands } from './attempts.ts';
import { packetOf, type Shape } from './packets.ts';
import { policy } from './shipped.ts';

export interface Judgement {
  /** nft did not take it. */
  refused: boolean;
  verdict: Certificate['verdict'];
  /** Attempts that got through, and counterexamples of the proof seen on the wire. */
  through: number;
  confirmed: number;
  /** Counterexamples that routing keeps from the hook in question, or that need an open connection. */
  untried: number;
  /** One says safe, the other does not. */
  disagreements: readonly string[];
}

/** The packet of a counterexample, as far as one can be sent: new, in one piece, depending on nothing. */
function tryable(c: Counterexample, name: string): Attempt | undefined {
  const { facts } = c;
  if (facts.state !== 'new' || facts.fragmented !== 'no' || c.assumes.length > 0 || facts.protocol === 'none')
    return;
  const through: ProbedHook =
    facts.in === undefined ? 'output' : facts.out === undefined ? 'input' : 'forward';
  const named = through === 'output' ? facts.out : facts.in;
  const card = named === 'usbnet0' ? 'usb0' : named;
  const known = card === 'lo' && through === 'output' ? card : CARDS.find((c) => c === card);
  if (known === undefined || facts.source === undefined || facts.destination === undefined) return;
  if (through === 'output' && facts.user === 'none') return;
  const shape: Shape = {
    card: known,
    from: facts.source,
    to: facts.destination,
    protocol: Number(facts.protocol),
    ...(through === 'output' ? { uid: Number(facts.user) } : {}),
    ...(facts.sourcePort === undefined
      ? {}
      : { ports: [Number(facts.sourcePort), Number(facts.destinationPort)] }),
  };
  return { name, shape, through };
}

export async function judge(kernel: FuzzKernel, rules: string): Promise<Judgement> {
  const listing = kernel.load(rules);
  const nothing = { through: 0, confirmed: 0, untried: 0, disagreements: [] };
  if (listing === undefined) return { refused: true, verdict: 'unknown', ...nothing };
  const certificate = prove({ ruleset: listing, policy, time: 0 });
  const open = certificate.properties.filter((p) => p.verdict === 'disproved' && p.counterexample);
  const tries = open.flatMap((p) => {
    const attempt = p.counterexample && tryable(p.counterexample, p.id);
    return attempt ? [attempt] : [];
  });
  const all = [...attempts, ...errands, ...tries];
  await kernel.forget();
  const seen = await kernel.run(
    all.map((a, i) => packetOf(a.shape, i + 1)),
    true,
  );
  const reached = (a: Attempt): boolean => seen[`${a.through}0`].has(all.indexOf(a) + 1);
  const passed = (a: Attempt): boolean => seen[`${a.through}1`].has(all.indexOf(a) + 1);

  const disagreements: string[] = [];
  const through = attempts.filter((a) => a.beyond === undefined && passed(a));
  const holds = (letter: string): boolean =>
    certificate.properties.filter((p) => p.id.startsWith(letter)).every((p) => p.verdict === 'proven');
  if (through[0] && holds('P'))
    disagreements.push(`proven, but got through: ${through.map((a) => a.name).join(', ')}`);
  const failed = errands.filter((e) => e.beyond === undefined && !passed(e));
  if (failed[0] && holds('L'))
    disagreements.push(`proven, but did not work: ${failed.map((a) => a.name).join(', ')}`);
  let confirmed = 0;
  for (const t of tries) {
    // Before the input hook stands prerouting, which may be what the counterexample of a liveness property is about.
    const safety = t.name.startsWith('P');
    if (safety && !reached(t)) continue;
    if (passed(t) === safety) confirmed++;
    else
      disagreements.push(
        `${t.name}: ${open.find((p) => p.id === t.name)?.counterexample?.packet} Not so on the wire.`,
      );
  }
  return {
    refused: false,
    verdict: certificate.verdict,
    through: through.length,
    confirmed,
    untried: open.length - confirmed,
    disagreements,
  };
}
