/**
 * One packet through the rules, step by step, forwards. Written apart from the executor, as a check on it and to say
 * which rules a counterexample passed by.
 */
import type { Packet } from './algebra.ts';
import type { Interfaces } from './interfaces.ts';
import { type Chain, FIELDS, type Hook, type Pred, type Rule, type Ruleset, type Verdict } from './ir.ts';
import { type Stage, settled, stageOf, wireName } from './lower.ts';

/** True, false, or a reason why neither. */
type Answer = boolean | { why: string; stateful: boolean };

/** An unknown that was decided one way to get here. */
export interface Assumption {
  rule: string;
  why: string;
  holds: boolean;
  /** Understood, but depends on earlier packets (a rate limit, a full set): both outcomes do happen. */
  stateful: boolean;
}

export interface Walk {
  /** Rules whose verdict the packet took, in order. */
  trail: readonly string[];
  assumes: readonly Assumption[];
}

type Link<T> = { value: T; before: Link<T> | undefined };

const unroll = <T>(last: Link<T> | undefined): T[] => {
  const out: T[] = [];
  for (let l = last; l; l = l.before) out.push(l.value);
  return out.reverse();
};

/** A point between two statements, with the way back. */
interface Point {
  chain: Chain;
  rule: number;
  statement: number;
  /** Where `return` goes: the rule after the jump. */
  callers: Link<{ chain: Chain; rule: number }> | undefined;
  trail: Link<string> | undefined;
  assumes: Link<Assumption> | undefined;
}

const unsure = (why: string, stateful = false): Answer => ({ why, stateful });

/** Follows both ways at each unknown, at most this many points of one base chain. */
const MOST_POINTS = 200_000;

export class Replay {
  readonly #ruleset: Ruleset;
  readonly #interfaces: Interfaces;

  constructor(ruleset: Ruleset, interfaces: Interfaces) {
    this.#ruleset = ruleset;
    this.#interfaces = interfaces;
  }

  /** A way to `goal` through all these hooks: accepted by every base chain, or dropped by one. */
  walk(packet: Packet, hooks: readonly Hook[], goal: 'accept' | 'drop'): Walk | undefined {
    const trail: string[] = [];
    const assumes: Assumption[] = [];
    for (const hook of hooks) {
      const chains = [...this.#ruleset.chains.values()].filter((c) => c.base?.hook === hook);
      chains.sort((a, b) => (a.base?.priority ?? 0) - (b.base?.priority ?? 0));
      for (const chain of chains) {
        if (chain.family !== 'inet' && packet.nfproto !== (chain.family === 'ip' ? 2n : 10n)) continue;
        const walk = this.#base(packet, chain, goal);
        if (goal === 'drop' && walk) return { trail: [...trail, ...walk.trail], assumes: walk.assumes };
        if (goal === 'drop') continue;
        if (!walk) return undefined;
        trail.push(...walk.trail);
        assumes.push(...walk.assumes);
      }
    }
    return goal === 'accept' ? { trail, assumes } : undefined;
  }

  #base(packet: Packet, chain: Chain, goal: 'accept' | 'drop'): Walk | undefined {
    const base = chain.base;
    if (!base) return undefined;
    if (base.type === 'nat' && goal === 'accept') return { trail: [], assumes: [] };
    const stage = stageOf(base.hook, base.priority);
    const seen = new Set<string>();
    const open: Point[] = [
      { chain, rule: 0, statement: 0, callers: undefined, trail: undefined, assumes: undefined },
    ];
    for (let point = open.pop(); point; point = open.pop()) {
      const here = this.#name(point);
      if (seen.has(here) || seen.size > MOST_POINTS) continue;
      seen.add(here);
      const rule = point.chain.rules[point.rule];
      if (!rule) {
        const back = point.callers;
        if (back) {
          open.push({ ...point, ...back.value, statement: 0, callers: back.before });
        } else if (base.policy === goal) {
          const end = `policy ${base.policy} of chain ${chain.key}`;
          return { trail: [...unroll(point.trail), end], assumes: unroll(point.assumes) };
        }
        continue;
      }
      const done = this.#advance(packet, stage, point, rule, goal, open);
      if (done) return done;
    }
    return undefined;
  }

  #name(p: Point): string {
    let name = `${p.chain.key}|${p.rule}|${p.statement}`;
    for (let c = p.callers; c; c = c.before) name += `<${c.value.chain.key}|${c.value.rule}`;
    return name;
  }

  /** One statement: pushes where the packet may be next; returns when the goal is reached. */
  #advance(
    packet: Packet,
    stage: Stage,
    p: Point,
    rule: Rule,
    goal: string,
    open: Point[],
  ): Walk | undefined {
    const next: Point = { ...p, rule: p.rule + 1, statement: 0 };
    const on: Point = { ...p, statement: p.statement + 1 };
    const s = rule.statements[p.statement];
    const label = `${p.chain.key} rule ${rule.handle}: ${rule.text}`;
    const assume = (to: Point, a: Exclude<Answer, boolean>, holds: boolean): Point => {
      const value = { rule: label, why: a.why, holds, stateful: a.stateful };
      return { ...to, assumes: { value, before: to.assumes } };
    };
    const take = (v: Verdict, from: Point): Walk | undefined => {
      const trail = { value: label, before: from.trail };
      if (v.kind === 'accept' || v.kind === 'drop') {
        return v.kind === goal ? { trail: unroll(trail), assumes: unroll(from.assumes) } : undefined;
      }
      if (v.kind === 'continue') open.push({ ...from, statement: p.statement + 1 });
      else if (v.kind === 'return') open.push({ ...from, rule: p.chain.rules.length, statement: 0, trail });
      else {
        const target = this.#ruleset.chains.get(`${p.chain.family} ${p.chain.table} ${v.target}`);
        const back = { value: { chain: p.chain, rule: p.rule + 1 }, before: p.callers };
        const callers = v.kind === 'jump' ? back : p.callers;
        if (target) open.push({ ...from, chain: target, rule: 0, statement: 0, callers, trail });
      }
      return undefined;
    };
    if (!s) {
      open.push(next);
    } else if (s.kind === 'match') {
      const a = this.answer(s.pred, packet, stage);
      if (a === true) open.push(on);
      else if (a === false) open.push(next);
      else open.push(assume(next, a, false), assume(on, a, true));
    } else if (s.kind === 'verdict') {
      return take(s.verdict, p);
    } else if (s.kind === 'vmap') {
      let missed = p;
      for (const arm of s.arms) {
        const a = this.answer(arm.pred, packet, stage);
        if (a === false) continue;
        const done = take(arm.verdict, a === true ? missed : assume(missed, a, true));
        if (done) return done;
        if (a === true) return undefined;
        missed = assume(missed, a, false);
      }
      open.push({ ...missed, rule: p.rule + 1, statement: 0 });
    } else if (s.kind === 'notrack') {
      open.push(on);
    } else {
      const value = { rule: label, why: s.why, holds: true, stateful: false };
      return { trail: [...unroll(p.trail), label], assumes: [...unroll(p.assumes), value] };
    }
    return undefined;
  }

  /** Whether a condition holds for a packet at a stage. */
  answer(pred: Pred, packet: Packet, stage: Stage): Answer {
    switch (pred.kind) {
      case 'const':
        return pred.value;
      case 'unknown':
        return unsure(pred.why, pred.nominal !== undefined);
      case 'interface': {
        if (!settled(pred.side, stage)) return unsure(`${pred.side} in ${stage.hook}`);
        const name = this.#interfaces.name(packet[pred.side]);
        return pred.wildcard ? name.startsWith(pred.name) : name === pred.name;
      }
      case 'range':
      case 'mask': {
        const { variable, from, width } = FIELDS[pred.field];
        if (!settled(variable, stage)) return unsure(`${variable} in ${stage.hook}`);
        const pieces = packet.frag === 1n && (stage.pieces === 'always' || packet.joined === 0n);
        const wire = pieces ? wireName(variable, stage) : undefined;
        const bits = { saddr: 128, daddr: 128, sport: 16 }[variable as string] ?? width;
        const value =
          (packet[wire ?? variable] >> BigInt(bits - from - width)) & ((1n << BigInt(width)) - 1n);
        return pred.kind === 'range'
          ? value >= pred.lo && value <= pred.hi
          : (value & pred.mask) === pred.value;
      }
      case 'not': {
        const a = this.answer(pred.of, packet, stage);
        return typeof a === 'boolean' ? !a : a;
      }
      case 'and':
      case 'or': {
        const decisive = pred.kind === 'or';
        let open: Answer = !decisive;
        for (const part of pred.of) {
          const a = this.answer(part, packet, stage);
          if (a === decisive) return decisive;
          if (typeof a !== 'boolean') open = a;
        }
        return open;
      }
    }
  }
}
