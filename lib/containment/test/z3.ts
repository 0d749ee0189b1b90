import { type Bool as AnyBool, type Context as AnyContext, init, killThreads } from 'z3-solver';
import type { Algebra } from '../src/algebra.ts';
import { VARIABLES, type Variable } from '../src/ir.ts';

type Context = AnyContext<'main'>;
type Bool = AnyBool<'main'>;

/** The second engine: packet sets as Z3 formulas over bit vectors. */
export class Z3Algebra implements Algebra<Bool> {
  readonly yes: Bool;
  readonly no: Bool;
  readonly #context: Context;
  readonly #interfaceBits: number;

  private constructor(context: Context, interfaceBits: number) {
    this.#context = context;
    this.#interfaceBits = interfaceBits;
    this.yes = context.Bool.val(true);
    this.no = context.Bool.val(false);
  }

  static async start(): Promise<{ algebra(interfaceBits: number): Z3Algebra; stop(): Promise<void> }> {
    const z3 = await init();
    const context = z3.Context('main');
    return {
      algebra: (interfaceBits) => new Z3Algebra(context, interfaceBits),
      stop: async () => killThreads(z3.em),
    };
  }

  ite(c: Bool, a: Bool, b: Bool): Bool {
    if (c === this.yes) return a;
    if (c === this.no) return b;
    if (a === b) return a;
    if (b === this.no) return a === this.yes ? c : this.#context.And(c, a);
    if (a === this.yes) return this.#context.Or(c, b);
    if (a === this.no) return b === this.yes ? c.not() : this.#context.And(c.not(), b);
    if (b === this.yes) return this.#context.Or(c.not(), a);
    return this.#context.Or(this.#context.And(c, a), this.#context.And(c.not(), b));
  }

  union(sets: readonly Bool[]): Bool {
    return sets.length <= 1 ? (sets[0] ?? this.no) : this.#context.Or(...sets);
  }

  #bits(variable: Variable, from: number, width: number) {
    const whole = variable === 'iif' || variable === 'oif' ? this.#interfaceBits : VARIABLES[variable];
    const vector = this.#context.BitVec.const(variable, whole);
    return width === whole ? vector : this.#context.Extract(whole - 1 - from, whole - from - width, vector);
  }

  range(variable: Variable, from: number, width: number, lo: bigint, hi: bigint): Bool {
    const bits = this.#bits(variable, from, width);
    const low = this.#context.BitVec.val(lo, width);
    if (lo === hi) return bits.eq(low);
    return this.#context.And(bits.uge(low), bits.ule(this.#context.BitVec.val(hi, width)));
  }

  mask(variable: Variable, from: number, width: number, mask: bigint, value: bigint): Bool {
    const masked = this.#bits(variable, from, width).and(this.#context.BitVec.val(mask, width));
    return masked.eq(this.#context.BitVec.val(value, width));
  }

  async isEmpty(set: Bool): Promise<boolean> {
    if (set === this.no) return true;
    const solver = new this.#context.Solver();
    solver.add(set);
    const answer = await solver.check();
    if (answer === 'unknown') throw new Error('Z3 gave up');
    return answer === 'unsat';
  }
}
