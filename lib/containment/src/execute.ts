/**
 * Where packets can get to. A set of packets flows through the chains of a hook; what may match goes one way, what may
 * not match goes on, and what is unknown goes both. Starting from the packets a question is about keeps the sets small:
 * rules about other interfaces, ports or addresses meet nobody.
 */
import type { Algebra } from './algebra.ts';
import { LimitError } from './bdd.ts';
import type { Interfaces } from './interfaces.ts';
import {
  type Chain,
  type Hook,
  type Pred,
  type Rule,
  type Ruleset,
  range,
  type Statement,
  type Verdict,
} from './ir.ts';
import { type Bounds, Lowering, type Stage, stageOf } from './lower.ts';

/** The kernel allows 16 nested jumps. */
const DEEPEST = 16;
/** Rules looked at, jumps followed each time; a ruleset of an appliance takes hundreds. */
const MOST_STEPS = 2_000_000;

/** Chains that a packet leaves as it came: nothing in them accepts, drops, or is unknown to us. */
function inertChains(ruleset: Ruleset): ReadonlySet<string> {
  const active = new Set<string>();
  const callers = new Map<string, string[]>();
  for (const chain of ruleset.chains.values()) {
    const acts = (s: Statement): boolean => {
      if (s.kind === 'anything' || s.kind === 'notrack') return true;
      const verdicts =
        s.kind === 'verdict' ? [s.verdict] : s.kind === 'vmap' ? s.arms.map((a) => a.verdict) : [];
      for (const v of verdicts) {
        if (!('target' in v)) continue;
        const target = `${chain.family} ${chain.table} ${v.target}`;
        callers.set(target, [...(callers.get(target) ?? []), chain.key]);
      }
      return verdicts.some((v) => v.kind === 'accept' || v.kind === 'drop');
    };
    if (chain.rules.map((rule) => rule.statements.map(acts).includes(true)).includes(true))
      active.add(chain.key);
  }
  const spread = [...active];
  for (let key = spread.pop(); key !== undefined; key = spread.pop()) {
    for (const caller of callers.get(key) ?? []) {
      if (active.has(caller)) continue;
      active.add(caller);
      spread.push(caller);
    }
  }
  return new Set([...ruleset.chains.keys()].filter((key) => !active.has(key)));
}

/** What may come of a set of packets. A packet can be in both: then it depends on something unknown. */
export interface Fate<S> {
  accepted: S;
  dropped: S;
}

/** A walk through one base chain. */
interface Run<S> extends Fate<S> {
  stage: Stage;
  /** What came back from a chain, by chain and by what went in. */
  returned: Map<string, Map<S, S>>;
}

export class Executor<S> {
  readonly #alg: Algebra<S>;
  readonly #ruleset: Ruleset;
  readonly #lowering: Lowering<S>;
  readonly #inert: ReadonlySet<string>;
  readonly #stages: typeof stageOf;
  readonly #conditions = new Map<string, WeakMap<Rule, Map<number, Bounds<S>>>>();
  #steps = 0;
  /** What was met on the way that no proof can stand on. */
  readonly problems = new Set<string>();

  /**
   * @param nominal rate limits not reached and sets not full; for liveness only
   * @param stages what is settled where; another than `stageOf` is for showing that a wrong one is found
   */
  constructor(
    alg: Algebra<S>,
    ruleset: Ruleset,
    interfaces: Interfaces,
    nominal: boolean,
    stages: typeof stageOf = stageOf,
  ) {
    this.#stages = stages;
    this.#alg = alg;
    this.#ruleset = ruleset;
    this.#lowering = new Lowering(alg, interfaces, nominal);
    this.#inert = inertChains(ruleset);
  }

  /** The packets a condition is about. */
  packets(pred: Pred): S {
    return this.#lowering.lower(pred, 'packet').may;
  }

  /** What may come of these packets on their way through these hooks. @throws LimitError */
  path(packets: S, hooks: readonly Hook[]): Fate<S> {
    let fate: Fate<S> = { accepted: packets, dropped: this.#alg.no };
    for (const hook of hooks) {
      for (const chain of this.#ruleset.chains.values()) {
        // Every base chain has to accept: an accept ends its own chain only, a drop is final.
        if (chain.base?.hook !== hook) continue;
        const here = this.#baseChain(chain, chain.base, fate.accepted);
        fate = { accepted: here.accepted, dropped: this.#or(fate.dropped, here.dropped) };
      }
    }
    return fate;
  }

  #baseChain(chain: Chain, base: NonNullable<Chain['base']>, packets: S): Fate<S> {
    const { no, yes } = this.#alg;
    const stage = this.#stages(base.hook, base.priority);
    const family = chain.family === 'ip' ? 2 : 10;
    const own = chain.family === 'inet' ? yes : this.#lowering.lower(range('nfproto', family), stage).may;
    const run: Run<S> = { accepted: no, dropped: no, stage, returned: new Map() };
    const left = this.#chain(chain, this.#and(own, packets), run, 0);
    if (base.policy === 'accept') run.accepted = this.#or(run.accepted, left);
    else run.dropped = this.#or(run.dropped, left);
    // Only the first packet of a flow sees a nat chain: what it drops may be let through later.
    if (base.type === 'nat') return { accepted: packets, dropped: run.dropped };
    const others = own === yes ? no : this.#minus(packets, own);
    return { accepted: this.#or(run.accepted, others), dropped: run.dropped };
  }

  /** @returns what may come back from the chain */
  #chain(chain: Chain, packets: S, run: Run<S>, depth: number): S {
    const { no } = this.#alg;
    if (packets === no || this.#inert.has(chain.key)) return packets;
    if (depth > DEEPEST) throw new LimitError(`more than ${DEEPEST} nested jumps in ${chain.key}`);
    const memo = run.returned.get(chain.key) ?? new Map<S, S>();
    run.returned.set(chain.key, memo);
    const known = memo.get(packets);
    if (known !== undefined) return known;
    let here = packets;
    let back = no;
    for (const rule of chain.rules) {
      if (here === no) break;
      const after = this.#rule(chain, rule, here, run, depth);
      here = after.next;
      back = this.#or(back, after.back);
    }
    back = this.#or(back, here);
    memo.set(packets, back);
    return back;
  }

  /** @returns what may go on with the next rule, and what may leave the chain */
  #rule(chain: Chain, rule: Rule, packets: S, run: Run<S>, depth: number): { next: S; back: S } {
    if (++this.#steps > MOST_STEPS) throw new LimitError(`more than ${MOST_STEPS} rules to follow`);
    const { no } = this.#alg;
    let here = packets;
    let next = no;
    let back = no;
    const follow = (verdict: Verdict, taken: S, go: (on: S) => void): void => {
      if (verdict.kind === 'accept') run.accepted = this.#or(run.accepted, taken);
      else if (verdict.kind === 'drop') run.dropped = this.#or(run.dropped, taken);
      else if (verdict.kind === 'return') back = this.#or(back, taken);
      else if (verdict.kind === 'continue') go(taken);
      else {
        const target = this.#ruleset.chains.get(`${chain.family} ${chain.table} ${verdict.target}`);
        // A chain that is not listed is already a problem of the ruleset.
        const returned = target ? this.#chain(target, taken, run, depth + 1) : taken;
        if (verdict.kind === 'jump') next = this.#or(next, returned);
        else back = this.#or(back, returned);
      }
    };
    for (let i = 0; i < rule.statements.length && here !== no; i++) {
      const s = rule.statements[i];
      if (s?.kind === 'match') {
        // Matches in a row are joined first: one alone can be about packets everywhere, all together about few.
        const { condition, last } = this.#joined(rule, i, run.stage);
        next = this.#or(next, this.#minus(here, condition.must));
        here = this.#and(condition.may, here);
        i = last;
      } else if (s?.kind === 'verdict') {
        const taken = here;
        here = no;
        follow(s.verdict, taken, (on) => {
          here = on;
        });
      } else if (s?.kind === 'vmap') {
        let missed = here;
        let on = no;
        for (const arm of s.arms) {
          const { may, must } = this.#lowering.lower(arm.pred, run.stage);
          const taken = this.#and(may, here);
          if (taken === no) continue;
          missed = this.#minus(missed, must);
          follow(arm.verdict, taken, (more) => {
            on = this.#or(on, more);
          });
        }
        next = this.#or(next, missed);
        here = on;
      } else if (s?.kind === 'notrack') {
        if (!run.stage.early) this.problems.add(`chain ${chain.key}: notrack after connection tracking`);
      } else if (s) {
        run.accepted = this.#or(run.accepted, here);
        run.dropped = this.#or(run.dropped, here);
      }
    }
    return { next: this.#or(next, here), back };
  }

  /** The conjunction of the matches from statement `first` on, and the last of them. */
  #joined(rule: Rule, first: number, stage: Stage): { condition: Bounds<S>; last: number } {
    let last = first;
    while (rule.statements[last + 1]?.kind === 'match') last++;
    const view = `${stage.hook} ${stage.early} ${stage.pieces}`;
    const known = this.#conditions.get(view) ?? new WeakMap<Rule, Map<number, Bounds<S>>>();
    this.#conditions.set(view, known);
    const ofRule = known.get(rule) ?? new Map<number, Bounds<S>>();
    known.set(rule, ofRule);
    const found = ofRule.get(first);
    if (found) return { condition: found, last };
    const of = rule.statements.slice(first, last + 1).flatMap((s) => (s.kind === 'match' ? [s.pred] : []));
    const condition = this.#lowering.lower({ kind: 'and', of }, stage);
    ofRule.set(first, condition);
    return { condition, last };
  }

  #and(a: S, b: S): S {
    return this.#alg.ite(a, b, this.#alg.no);
  }

  #or(a: S, b: S): S {
    return this.#alg.ite(a, this.#alg.yes, b);
  }

  #minus(a: S, b: S): S {
    return this.#alg.ite(b, this.#alg.no, a);
  }
}
