/** The whole way from a listing and a policy to a certificate. */
import { createHash } from 'node:crypto';
import { type Algebra, BddAlgebra, type Packet } from './algebra.ts';
import { LimitError } from './bdd.ts';
import { type Counterexample, counterexample } from './counterexample.ts';
import { Executor } from './execute.ts';
import { Interfaces } from './interfaces.ts';
import { all, any, type Pred, type Ruleset } from './ir.ts';
import { canonical, isList, isObject, type Json, parseJson } from './json.ts';
import { checkPolicy, type Policy, PolicyError } from './policy.ts';
import { type Claim, POSSIBLE, type Property, propertiesOf, wishes } from './properties.ts';
import { Replay } from './replay.ts';
import { parseRuleset, RULESET_LIMITS } from './ruleset.ts';

export const ENGINE = 'opennvr-containment 1';

export type ProofVerdict = 'proven' | 'disproved' | 'unknown';

export interface PropertyResult {
  id: string;
  title: string;
  verdict: ProofVerdict;
  /** Why unknown. */
  reason?: string;
  /** A packet that gets through and must not, or one that does not and must. */
  counterexample?: Counterexample;
}

/** What the page, the API and the audit log show. Plain JSON. */
export interface Certificate {
  engine: string;
  /** ms since the epoch. */
  time: number;
  verdict: ProofVerdict;
  /** SHA-256 of the rules, without counters, handles and elements that packets add. */
  ruleset: string;
  /** SHA-256 of the policy. */
  policy: string;
  nftVersion: string;
  phase: Policy['phase'] | '';
  properties: readonly PropertyResult[];
  /** What could not be understood, each naming its object; not empty means not proven. */
  problems: readonly string[];
}

export interface ProofInput {
  /** What `nft -j -n list ruleset` printed. */
  ruleset: string;
  policy: Policy;
  /** Wall clock, ms since the epoch. */
  time: number;
  /** Decision nodes before giving up. */
  maxNodes?: number;
}

/** All that a policy and a ruleset lead to, before any engine has looked at it. */
export interface Question {
  ruleset: Ruleset;
  policy: Policy;
  interfaces: Interfaces;
  properties: readonly Property[];
}

export function ask(ruleset: Ruleset, policy: Policy): Question {
  const known = [policy.camera.interface, policy.trusted.interface];
  const interfaces = Interfaces.of(ruleset.chains.values(), known);
  return { ruleset, policy, interfaces, properties: propertiesOf(policy) };
}

/** Packets that can exist. */
export const possible = (interfaces: Interfaces): Pred =>
  all(
    POSSIBLE,
    ...(['iif', 'oif'] as const).map((side) =>
      any(...interfaces.names.map((name): Pred => ({ kind: 'interface', side, name, wildcard: false }))),
    ),
  );

/** The packets of a claim that pass (safety) or do not (liveness): none means proven. */
export function violations<S>(
  alg: Algebra<S>,
  { sound, calm }: { sound: Executor<S>; calm: Executor<S> },
  claim: Claim,
  kind: Property['kind'],
  interfaces: Interfaces,
): { surely: S; maybe: S } {
  const executor = kind === 'safety' ? sound : calm;
  const packets = executor.packets(all(claim.packets, possible(interfaces)));
  const { accepted, dropped } = executor.path(packets, claim.hooks);
  const [wrong, right] = kind === 'safety' ? [accepted, dropped] : [dropped, accepted];
  return { surely: alg.ite(right, alg.no, wrong), maybe: wrong };
}

/** Narrows a non-empty set wish by wish and takes one packet. */
function plainest(alg: BddAlgebra, executor: Executor<number>, set: number, wanted: readonly Pred[]): Packet {
  let left = set;
  for (const wish of wanted) {
    const narrower = alg.ite(executor.packets(wish), left, alg.no);
    if (narrower !== alg.no) left = narrower;
  }
  return alg.packet(left);
}

function check(question: Question, property: Property, engines: Engines): PropertyResult {
  const { id, title } = property;
  const { alg, sound } = engines;
  let doubtful: PropertyResult | undefined;
  for (const claim of property.claims) {
    const { surely, maybe } = violations(alg, engines, claim, property.kind, question.interfaces);
    if (maybe === alg.no) continue;
    const certain = surely !== alg.no;
    const packet = plainest(alg, sound, certain ? surely : maybe, wishes(question.policy, claim.hooks));
    const goal = property.kind === 'safety' ? 'accept' : 'drop';
    const walk = engines.replay.walk(packet, claim.hooks, goal);
    const found = counterexample(packet, claim.hooks, walk, question.interfaces, property.kind);
    // A limit that can be reached will be: only what we do not understand leaves it open.
    if (certain || (property.kind === 'safety' && walk?.assumes.every((a) => a.stateful))) {
      return { id, title, verdict: 'disproved', counterexample: found };
    }
    const reason = 'depends on something in the rules that is not understood';
    doubtful ??= { id, title, verdict: 'unknown', reason, counterexample: found };
  }
  return doubtful ?? { id, title, verdict: 'proven' };
}

interface Engines {
  alg: BddAlgebra;
  sound: Executor<number>;
  calm: Executor<number>;
  replay: Replay;
}

/** Never throws: whatever goes wrong is `unknown`, with the reason. */
export function prove(input: ProofInput): Certificate {
  const ruleset = parseRuleset(input.ruleset);
  const certificate = {
    engine: ENGINE,
    time: input.time,
    ruleset: rulesetHash(input.ruleset),
    policy: sha256(canonical(input.policy as unknown as Json)),
    nftVersion: ruleset.nftVersion,
    phase: input.policy.phase,
  };
  const fail = (problems: readonly string[]): Certificate => ({
    ...certificate,
    verdict: 'unknown',
    properties: [],
    problems,
  });
  if (!ruleset.readable) return fail(ruleset.problems);
  try {
    const question = ask(ruleset, checkPolicy(input.policy as unknown as Json));
    const alg = new BddAlgebra(question.interfaces.bits, input.maxNodes);
    const engines: Engines = {
      alg,
      sound: new Executor(alg, ruleset, question.interfaces, false),
      calm: new Executor(alg, ruleset, question.interfaces, true),
      replay: new Replay(ruleset, question.interfaces),
    };
    const results = question.properties.map((p) => check(question, p, engines));
    const problems = [...new Set([...ruleset.problems, ...engines.sound.problems, ...engines.calm.problems])];
    const properties = results.map((r) => doubt(r, question, problems));
    const disproved = properties.some((r) => r.verdict === 'disproved');
    const unproven = problems.length > 0 || properties.some((r) => r.verdict !== 'proven');
    const verdict = disproved ? 'disproved' : unproven ? 'unknown' : 'proven';
    return { ...certificate, verdict, properties, problems };
  } catch (error) {
    if (error instanceof LimitError || error instanceof PolicyError)
      return fail([...ruleset.problems, error.message]);
    // Out of stack or memory, or a fault of ours: still not a proof.
    const message = error instanceof Error ? error.message : 'unknown fault';
    return fail([...ruleset.problems, `prover failed: ${message}`]);
  }
}

/** What stands, given what was not understood elsewhere. */
function doubt(result: PropertyResult, question: Question, problems: readonly string[]): PropertyResult {
  if (result.verdict !== 'proven') return result;
  if (problems[0] !== undefined) return { ...result, verdict: 'unknown', reason: problems[0] };
  const [filter] = question.ruleset.otherFilters;
  const live = question.properties.find((p) => p.id === result.id)?.kind === 'liveness';
  if (live && filter !== undefined) {
    return { ...result, verdict: 'unknown', reason: `chain ${filter} may take packets away` };
  }
  return result;
}

const sha256 = (s: string): string => createHash('sha256').update(s).digest('hex');

/** The same for the same rules, however often they were counted, loaded, or used. */
export function rulesetHash(source: string): string {
  const parsed = parseJson(source, RULESET_LIMITS.characters);
  const list = 'value' in parsed && isObject(parsed.value) ? parsed.value.nftables : undefined;
  return isList(list) ? sha256(canonical(list.flatMap((o) => lasting(o) ?? []))) : sha256(source);
}

function lasting(json: Json): Json | undefined {
  if (isList(json)) return json.map((item) => lasting(item) ?? null);
  if (!isObject(json)) return json;
  if (isObject(json.metainfo)) return undefined;
  const changes = json.timeout !== undefined;
  const kept = Object.entries(json).filter(
    ([name, value]) =>
      name !== 'handle' &&
      name !== 'packets' &&
      name !== 'bytes' &&
      name !== 'expires' &&
      !(name === 'elem' && changes && isList(value)),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, lasting(value) ?? null]));
}
