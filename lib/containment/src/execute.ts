/** What the kernel's hooks let through: chains evaluated backwards, from what happens after the last rule. */
import type { Algebra } from './algebra.ts';
import { LimitError } from './bdd.ts';
import type { Interfaces } from './interfaces.ts';
import { type Chain, type Hook, type Pred, type Rule, type Ruleset, range, type Statement } from './ir.ts';
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

export class Executor<S> {
  readonly #alg: Algebra<S>;
  readonly #ruleset: Ruleset;
  readonly #lowering: Lowering<S>;
  readonly #inert: ReadonlySet<string>;
  readonly #hooks = new Map<Hook, Bounds<S>>();
  readonly #yes: Bounds<S>;
  readonly #no: Bounds<S>;
  /** Accepted sets by chain and by what follows it, for one stage. */
  #memo = new Map<string, Map<Bounds<S>, Bounds<S>>>();
  #steps = 0;
  /** What was met on the way that no proof can stand on. */
  readonly problems = new Set<string>();

  /** @param nominal rate limits not reached and sets not full; for liveness only */
  constructor(alg: Algebra<S>, ruleset: Ruleset, interfaces: Interfaces, nominal: boolean) {
    this.#alg = alg;
    this.#ruleset = ruleset;
    this.#lowering = new Lowering(alg, interfaces, nominal);
    this.#inert = inertChains(ruleset);
    this.#yes = { must: alg.yes, may: alg.yes };
    this.#no = { must: alg.no, may: alg.no };
  }

  /** Packets that surely and possibly come through every one of these hooks. @throws LimitError */
  path(...hooks: readonly Hook[]): Bounds<S> {
    return hooks.map((hook) => this.#hook(hook)).reduce((a, b) => this.#both(a, b), this.#yes);
  }

  /** A condition about the packet itself. */
  packets(pred: Pred): S {
    return this.#lowering.lower(pred, 'packet').may;
  }

  /** Every base chain of a hook has to accept: an accept ends its own chain only, a drop is final. */
  #hook(hook: Hook): Bounds<S> {
    const known = this.#hooks.get(hook);
    if (known) return known;
    let sum = this.#yes;
    for (const chain of this.#ruleset.chains.values()) {
      if (chain.base?.hook === hook) sum = this.#both(sum, this.#baseChain(chain, chain.base));
    }
    this.#hooks.set(hook, sum);
    return sum;
  }

  #baseChain(chain: Chain, base: NonNullable<Chain['base']>): Bounds<S> {
    const stage = stageOf(base.hook, base.priority);
    this.#memo = new Map();
    const end = base.policy === 'accept' ? this.#yes : this.#no;
    const accepted = this.#chain(chain, end, stage, 0);
    // Only the first packet of a flow sees a nat chain: what it drops may be let through later.
    const counted = base.type === 'nat' ? { must: accepted.must, may: this.#alg.yes } : accepted;
    if (chain.family === 'inet') return counted;
    const own = this.#lowering.lower(range('nfproto', chain.family === 'ip' ? 2 : 10), stage);
    return this.#choose(own, counted, this.#yes);
  }

  #chain(chain: Chain, after: Bounds<S>, stage: Stage, depth: number): Bounds<S> {
    if (this.#inert.has(chain.key)) return after;
    if (depth > DEEPEST) throw new LimitError(`more than ${DEEPEST} nested jumps in ${chain.key}`);
    const memo = this.#memo.get(chain.key) ?? new Map<Bounds<S>, Bounds<S>>();
    this.#memo.set(chain.key, memo);
    const known = memo.get(after);
    if (known) return known;
    let next = after;
    for (let i = chain.rules.length - 1; i >= 0; i--) {
      const rule = chain.rules[i];
      if (rule) next = this.#rule(chain, rule, next, after, stage, depth);
    }
    memo.set(after, next);
    return next;
  }

  #rule(chain: Chain, rule: Rule, next: Bounds<S>, after: Bounds<S>, stage: Stage, depth: number): Bounds<S> {
    if (++this.#steps > MOST_STEPS) throw new LimitError(`more than ${MOST_STEPS} rules to follow`);
    let now = next;
    for (let i = rule.statements.length - 1; i >= 0; i--) {
      const s = rule.statements[i];
      if (s) now = this.#statement(s, chain, { now, next, after }, stage, depth);
    }
    return now;
  }

  /** @param to `now`: after this statement, `next`: the next rule, `after`: behind this chain */
  #statement(
    s: Statement,
    chain: Chain,
    to: { now: Bounds<S>; next: Bounds<S>; after: Bounds<S> },
    stage: Stage,
    depth: number,
  ): Bounds<S> {
    const follow = (v: Extract<Statement, { kind: 'verdict' }>['verdict']): Bounds<S> => {
      if (v.kind === 'accept') return this.#yes;
      if (v.kind === 'drop') return this.#no;
      if (v.kind === 'return') return to.after;
      if (v.kind === 'continue') return to.now;
      const target = this.#ruleset.chains.get(`${chain.family} ${chain.table} ${v.target}`);
      if (!target) return { must: this.#alg.no, may: this.#alg.yes };
      return this.#chain(target, v.kind === 'jump' ? to.next : to.after, stage, depth + 1);
    };
    switch (s.kind) {
      case 'match':
        if (to.now === to.next) return to.next;
        return this.#choose(this.#lowering.lower(s.pred, stage), to.now, to.next);
      case 'verdict':
        return follow(s.verdict);
      case 'vmap':
        return s.arms.reduceRight(
          (rest, arm) => this.#choose(this.#lowering.lower(arm.pred, stage), follow(arm.verdict), rest),
          to.next,
        );
      case 'notrack':
        if (!stage.early) this.problems.add(`chain ${chain.key}: notrack after connection tracking`);
        return to.now;
      case 'anything':
        return { must: this.#alg.no, may: this.#alg.yes };
    }
  }

  /** Where `condition` holds, `then`; elsewhere `otherwise`; where it is unknown, either. */
  #choose(condition: Bounds<S>, then: Bounds<S>, otherwise: Bounds<S>): Bounds<S> {
    const { ite, yes, no } = { ite: this.#alg.ite.bind(this.#alg), yes: this.#alg.yes, no: this.#alg.no };
    if (condition.may === condition.must) {
      const may = ite(condition.may, then.may, otherwise.may);
      const exact = then.may === then.must && otherwise.may === otherwise.must;
      return { may, must: exact ? may : ite(condition.may, then.must, otherwise.must) };
    }
    const mayThen = ite(condition.may, then.may, no);
    return {
      // Possible through the match, or through its miss.
      may: ite(mayThen, yes, ite(condition.must, no, otherwise.may)),
      // Sure only if sure whichever way it goes.
      must: ite(ite(condition.may, then.must, yes), ite(condition.must, yes, otherwise.must), no),
    };
  }

  #both(a: Bounds<S>, b: Bounds<S>): Bounds<S> {
    const may = this.#alg.ite(a.may, b.may, this.#alg.no);
    const exact = a.may === a.must && b.may === b.must;
    return { may, must: exact ? may : this.#alg.ite(a.must, b.must, this.#alg.no) };
  }
}
