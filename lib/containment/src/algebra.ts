import { Bdd } from './bdd.ts';
import { VARIABLES, type Variable } from './ir.ts';

/** Sets of packets. The executor is written against this, so that two engines can be compared. */
export interface Algebra<S> {
  readonly yes: S;
  readonly no: S;
  ite(condition: S, then: S, otherwise: S): S;
  /** Union of many; balanced, because neighbours share most. */
  union(sets: readonly S[]): S;
  range(variable: Variable, from: number, width: number, lo: bigint, hi: bigint): S;
  mask(variable: Variable, from: number, width: number, mask: bigint, value: bigint): S;
}

/** One packet: a value for each variable; interfaces as numbers of the `Interfaces` they were made with. */
export type Packet = Record<Variable, bigint>;

/** @param interfaceBits how many bits number the interface names of this ruleset */
export class BddAlgebra implements Algebra<number> {
  readonly yes = Bdd.yes;
  readonly no = Bdd.no;
  readonly bdd: Bdd;
  readonly #first = new Map<Variable, number>();
  readonly #width = new Map<Variable, number>();
  /** What stands at each level. */
  readonly #levels: { variable: Variable; shift: bigint }[] = [];

  constructor(interfaceBits: number, maxNodes?: number) {
    this.bdd = new Bdd(maxNodes);
    let level = 0;
    for (const [name, bits] of Object.entries(VARIABLES) as [Variable, number][]) {
      const width = name === 'iif' || name === 'oif' ? interfaceBits : bits;
      this.#first.set(name, level);
      this.#width.set(name, width);
      level += width;
      for (let i = width - 1; i >= 0; i--) this.#levels.push({ variable: name, shift: BigInt(i) });
    }
  }

  ite(condition: number, then: number, otherwise: number): number {
    return this.bdd.ite(condition, then, otherwise);
  }

  union(sets: readonly number[]): number {
    if (sets.length <= 1) return sets[0] ?? Bdd.no;
    const half = sets.length >> 1;
    return this.bdd.ite(this.union(sets.slice(0, half)), Bdd.yes, this.union(sets.slice(half)));
  }

  range(variable: Variable, from: number, width: number, lo: bigint, hi: bigint): number {
    return this.bdd.range((this.#first.get(variable) ?? 0) + from, width, lo, hi);
  }

  mask(variable: Variable, from: number, width: number, mask: bigint, value: bigint): number {
    return this.bdd.mask((this.#first.get(variable) ?? 0) + from, width, mask, value);
  }

  /** Some packet of a non-empty set. */
  packet(set: number): Packet {
    const ones = this.bdd.member(set);
    const read = (variable: Variable): bigint => {
      const first = this.#first.get(variable) ?? 0;
      let value = 0n;
      for (let i = 0; i < (this.#width.get(variable) ?? 0); i++) {
        value = (value << 1n) | (ones.has(first + i) ? 1n : 0n);
      }
      return value;
    };
    const names = Object.keys(VARIABLES) as Variable[];
    return Object.fromEntries(names.map((name) => [name, read(name)])) as Packet;
  }

  contains(set: number, packet: Packet): boolean {
    return this.bdd.contains(set, (level) => {
      const bit = this.#levels[level];
      return bit !== undefined && ((packet[bit.variable] >> bit.shift) & 1n) === 1n;
    });
  }
}
