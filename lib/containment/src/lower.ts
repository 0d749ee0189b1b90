/** Conditions to packet sets, at one point of a packet's way. */
import type { Algebra } from './algebra.ts';
import type { Interfaces } from './interfaces.ts';
import { FIELDS, type Field, type Hook, type Pred, type Variable } from './ir.ts';

/**
 * The packets for which something surely holds, and those for which it may. Equal where nothing is unknown.
 * Unknowns are fresh at each occurrence, so the pair is exact: no variable has to stand for them.
 */
export interface Bounds<S> {
  must: S;
  may: S;
}

/** Where on its way a packet is: which facts exist there, and under which name. */
export interface Stage {
  hook: Hook;
  /** At or before connection tracking (priority -200): its state is not this packet's later state. */
  early: boolean;
  /**
   * Whether fragments pass here in pieces: before the point where they are put together (if they are), at that very
   * point (in which order, nobody says), behind it, or where a packet is what it is.
   */
  pieces: 'always' | 'unclear' | 'unless joined' | 'never';
}

/** Connection tracking runs at -200 (NF_IP_PRI_CONNTRACK), putting fragments together at -400 (…_CONNTRACK_DEFRAG). */
const CONNTRACK = -200;
const DEFRAG = -400;

export function stageOf(hook: Hook, priority: number): Stage {
  const entry = hook === 'prerouting' || hook === 'output';
  const behind = hook === 'prerouting' ? 'unless joined' : 'never';
  const pieces = !entry || priority > DEFRAG ? behind : priority < DEFRAG ? 'always' : 'unclear';
  return { hook, early: entry && priority <= CONNTRACK, pieces };
}

/** Reads a packet's facts as they are in the end; for properties, which speak of the packet and not of a stage. */
export type View = Stage | 'packet';

const ON_WIRE: Readonly<Partial<Record<Variable, Variable>>> = {
  l4ok: 'wireL4ok',
  l4proto: 'wireL4proto',
  thbytes: 'wireThbytes',
  sport: 'wireSport',
  dport: 'wireDport',
  flags: 'wireFlags',
};

/** Whether the kernel keeps this fact unchanged up to here; everything else is unknown here (the stage rule). */
export function settled(variable: Variable, view: View): boolean {
  if (view === 'packet') return true;
  if (view.pieces === 'unclear' && ON_WIRE[variable]) return false;
  switch (variable) {
    case 'ct':
      return !view.early;
    case 'owned':
    case 'uid':
      return view.hook === 'output' || view.hook === 'postrouting';
    case 'iif':
      return view.hook === 'prerouting' || view.hook === 'input' || view.hook === 'forward';
    case 'oif':
      return view.hook === 'forward' || view.hook === 'output' || view.hook === 'postrouting';
    default:
      return true;
  }
}

/** The name under which a piece shows a variable, where there can be pieces. */
export const wireName = (variable: Variable, view: View): Variable | undefined =>
  view !== 'packet' && view.pieces !== 'never' ? ON_WIRE[variable] : undefined;

export class Lowering<S> {
  readonly #alg: Algebra<S>;
  readonly #interfaces: Interfaces;
  /** Take nominal outcomes for what is unknown (limits not reached, sets not full). */
  readonly #nominal: boolean;
  readonly #frag: S;
  /** Fragments that nobody puts together. */
  readonly #apart: S;

  constructor(alg: Algebra<S>, interfaces: Interfaces, nominal: boolean) {
    this.#alg = alg;
    this.#interfaces = interfaces;
    this.#nominal = nominal;
    this.#frag = alg.range('frag', 0, 1, 1n, 1n);
    this.#apart = alg.ite(alg.range('joined', 0, 1, 1n, 1n), alg.no, this.#frag);
  }

  lower(pred: Pred, view: View): Bounds<S> {
    const alg = this.#alg;
    switch (pred.kind) {
      case 'const':
        return this.#exact(pred.value ? alg.yes : alg.no);
      case 'range':
        return this.#field(pred.field, view, (v, from, width) => alg.range(v, from, width, pred.lo, pred.hi));
      case 'mask':
        return this.#field(pred.field, view, (v, from, width) =>
          alg.mask(v, from, width, pred.mask, pred.value),
        );
      case 'interface': {
        if (!settled(pred.side, view)) return this.#unknown();
        const bits = this.#interfaces.bits;
        const numbers = this.#interfaces.matching(pred.name, pred.wildcard);
        return this.#exact(
          alg.union(numbers.map((n) => alg.range(pred.side, 0, bits, BigInt(n), BigInt(n)))),
        );
      }
      case 'not': {
        const { must, may } = this.lower(pred.of, view);
        const no = this.#not(may);
        return { must: no, may: may === must ? no : this.#not(must) };
      }
      case 'and': {
        let sum = this.#exact(alg.yes);
        // From the last to the first: later variables come last, so each step only puts nodes on top.
        for (let i = pred.of.length - 1; i >= 0; i--) {
          const part = this.lower(pred.of[i] ?? { kind: 'const', value: true }, view);
          const may = alg.ite(part.may, sum.may, alg.no);
          sum = { may, must: this.#same(part, sum) ? may : alg.ite(part.must, sum.must, alg.no) };
        }
        return sum;
      }
      case 'or': {
        const parts = pred.of.map((p) => this.lower(p, view));
        const may = alg.union(parts.map((p) => p.may));
        const exact = parts.every((p) => p.may === p.must);
        return { may, must: exact ? may : alg.union(parts.map((p) => p.must)) };
      }
      case 'unknown':
        return this.#nominal && pred.nominal !== undefined
          ? this.#exact(pred.nominal ? alg.yes : alg.no)
          : this.#unknown();
    }
  }

  #same(a: Bounds<S>, b: Bounds<S>): boolean {
    return a.may === a.must && b.may === b.must;
  }

  #exact(s: S): Bounds<S> {
    return { must: s, may: s };
  }

  #unknown(): Bounds<S> {
    return { must: this.#alg.no, may: this.#alg.yes };
  }

  #not(s: S): S {
    return this.#alg.ite(s, this.#alg.no, this.#alg.yes);
  }

  #field(field: Field, view: View, make: (variable: Variable, from: number, width: number) => S): Bounds<S> {
    const { variable, from, width } = FIELDS[field];
    if (!settled(variable, view)) return this.#unknown();
    const plain = make(variable, from, width);
    const wire = wireName(variable, view);
    if (!wire) return this.#exact(plain);
    const pieces = view !== 'packet' && view.pieces === 'always' ? this.#frag : this.#apart;
    return this.#exact(this.#alg.ite(pieces, make(wire, from, width), plain));
  }
}
