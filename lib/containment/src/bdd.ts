/**
 * Reduced ordered binary decision diagrams (Bryant 1986): a set of bit vectors as one number. Equal sets are equal
 * numbers, so emptiness is a comparison. One operation, if-then-else, does everything.
 */

/** The diagrams outgrew their bound: there is no answer, and no answer is not a proof. */
export class LimitError extends Error {
  override name = 'LimitError';
}

const TERMINAL = 0x7fffffff;
const FIRST_NODES = 1 << 13;
const LARGEST_CACHE = 1 << 20;

const hash3 = (a: number, b: number, c: number): number => {
  let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
};

export class Bdd {
  static readonly no = 0;
  static readonly yes = 1;
  readonly #maxNodes: number;
  #level = new Int32Array(FIRST_NODES);
  #low = new Int32Array(FIRST_NODES);
  #high = new Int32Array(FIRST_NODES);
  #count = 2;
  /** Open-addressed unique table of node numbers, at most half full; 0 is free. */
  #unique = new Int32Array(FIRST_NODES * 2);
  /** Direct-mapped results: f, g, h, result. */
  #cache = new Int32Array(FIRST_NODES * 4);

  /** @param maxNodes at most this many nodes (12 bytes each, about 40 with tables), then LimitError */
  constructor(maxNodes = 6_000_000) {
    this.#maxNodes = maxNodes;
    this.#level[0] = TERMINAL;
    this.#level[1] = TERMINAL;
  }

  /** Nodes made so far. */
  get size(): number {
    return this.#count;
  }

  /** The node that tests `level` and goes to `low` on 0, `high` on 1; both must test later levels. */
  node(level: number, low: number, high: number): number {
    if (low === high) return low;
    const mask = this.#unique.length - 1;
    let slot = hash3(level, low, high) & mask;
    for (let n = this.#unique[slot] ?? 0; n !== 0; n = this.#unique[slot] ?? 0) {
      if (this.#level[n] === level && this.#low[n] === low && this.#high[n] === high) return n;
      slot = (slot + 1) & mask;
    }
    if (this.#count === this.#level.length) {
      this.#grow();
      return this.node(level, low, high);
    }
    const made = this.#count++;
    this.#level[made] = level;
    this.#low[made] = low;
    this.#high[made] = high;
    this.#unique[slot] = made;
    return made;
  }

  #grow(): void {
    const old = this.#level.length;
    if (old >= this.#maxNodes) throw new LimitError(`more than ${this.#maxNodes} decision nodes`);
    const wider = (a: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const b = new Int32Array(old * 2);
      b.set(a);
      return b;
    };
    this.#level = wider(this.#level);
    this.#low = wider(this.#low);
    this.#high = wider(this.#high);
    this.#unique = new Int32Array(old * 4);
    const mask = this.#unique.length - 1;
    for (let n = 2; n < this.#count; n++) {
      let slot = hash3(this.#level[n] ?? 0, this.#low[n] ?? 0, this.#high[n] ?? 0) & mask;
      while (this.#unique[slot] !== 0) slot = (slot + 1) & mask;
      this.#unique[slot] = n;
    }
    if (this.#cache.length < LARGEST_CACHE * 4) this.#cache = new Int32Array(this.#cache.length * 2);
  }

  /** f ? g : h */
  ite(f: number, g: number, h: number): number {
    if (f === 1) return g;
    if (f === 0) return h;
    const then = f === g ? 1 : g;
    const otherwise = f === h ? 0 : h;
    if (then === otherwise) return then;
    if (then === 1 && otherwise === 0) return f;
    const slot = (hash3(f, then, otherwise) & ((this.#cache.length >> 2) - 1)) << 2;
    const cache = this.#cache;
    if (cache[slot] === f && cache[slot + 1] === then && cache[slot + 2] === otherwise) {
      return cache[slot + 3] ?? 0;
    }
    const levels = this.#level;
    const lows = this.#low;
    const highs = this.#high;
    const lf = levels[f] ?? 0;
    const lg = levels[then] ?? 0;
    const lh = levels[otherwise] ?? 0;
    const top = Math.min(lf, lg, lh);
    const low = this.ite(
      lf === top ? (lows[f] ?? 0) : f,
      lg === top ? (lows[then] ?? 0) : then,
      lh === top ? (lows[otherwise] ?? 0) : otherwise,
    );
    const high = this.ite(
      lf === top ? (highs[f] ?? 0) : f,
      lg === top ? (highs[then] ?? 0) : then,
      lh === top ? (highs[otherwise] ?? 0) : otherwise,
    );
    const result = this.node(top, low, high);
    // The tables may have grown meanwhile: the slot of the new cache.
    const now = this.#cache;
    const place = (hash3(f, then, otherwise) & ((now.length >> 2) - 1)) << 2;
    now[place] = f;
    now[place + 1] = then;
    now[place + 2] = otherwise;
    now[place + 3] = result;
    return result;
  }

  /** lo ≤ v ≤ hi, where v stands in `width` levels from `first`, most significant bit first. */
  range(first: number, width: number, lo: bigint, hi: bigint): number {
    const low = lo.toString(2).padStart(width, '0');
    const high = hi.toString(2).padStart(width, '0');
    // Down the common prefix, then both bounds by themselves; built from the last bit up.
    let split = 0;
    while (split < width && low[split] === high[split]) split++;
    let n = 1;
    if (split < width) {
      let atLeast = 1;
      let atMost = 1;
      for (let bit = width - 1; bit > split; bit--) {
        const level = first + bit;
        atLeast = low[bit] === '1' ? this.node(level, 0, atLeast) : this.node(level, atLeast, 1);
        atMost = high[bit] === '1' ? this.node(level, 1, atMost) : this.node(level, atMost, 0);
      }
      n = this.node(first + split, atLeast, atMost);
    }
    for (let bit = split - 1; bit >= 0; bit--) {
      n = low[bit] === '1' ? this.node(first + bit, 0, n) : this.node(first + bit, n, 0);
    }
    return n;
  }

  /** (v & mask) = value. */
  mask(first: number, width: number, mask: bigint, value: bigint): number {
    let n = 1;
    for (let bit = 0; bit < width; bit++) {
      if (((mask >> BigInt(bit)) & 1n) === 0n) continue;
      const level = first + width - 1 - bit;
      n = ((value >> BigInt(bit)) & 1n) === 1n ? this.node(level, 0, n) : this.node(level, n, 0);
    }
    return n;
  }

  /** One member of a non-empty set: the levels that must be 1; all others are 0. */
  member(f: number): Set<number> {
    const ones = new Set<number>();
    for (let n = f; n > 1; ) {
      const low = this.#low[n] ?? 0;
      if (low !== 0) {
        n = low;
      } else {
        ones.add(this.#level[n] ?? 0);
        n = this.#high[n] ?? 0;
      }
    }
    return ones;
  }

  /** Whether the set holds the vector whose bit at a level is `bit(level)`. */
  contains(f: number, bit: (level: number) => boolean): boolean {
    let n = f;
    while (n > 1) n = (bit(this.#level[n] ?? 0) ? this.#high[n] : this.#low[n]) ?? 0;
    return n === 1;
  }
}
