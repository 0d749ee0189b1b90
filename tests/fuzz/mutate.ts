/** Longest input; the parsers' own bounds are tested by name elsewhere. */
const MAX_INPUT = 8192;
const TELLING = [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff];

/** Repeatable random numbers (mulberry32): uniform in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes inputs out of inputs: one to eight edits, of bits, bytes, runs, dictionary words and other inputs' parts. */
export class Mutator {
  readonly #random: () => number;
  readonly #dictionary: readonly Buffer[];

  constructor(random: () => number, dictionary: readonly Buffer[] = []) {
    this.#random = random;
    this.#dictionary = dictionary;
  }

  /** An integer from 0 to `below` - 1. */
  below(below: number): number {
    return Math.floor(this.#random() * below);
  }

  /** A mutated copy of `input`; `other` is what parts are borrowed from. */
  mutate(input: Buffer, other: Buffer): Buffer {
    let bytes: Buffer = Buffer.from(input);
    for (let edits = 1 + this.below(8); edits > 0; edits--) bytes = this.#edit(bytes, other);
    return bytes.subarray(0, MAX_INPUT);
  }

  #edit(bytes: Buffer, other: Buffer): Buffer {
    const at = this.below(bytes.length + 1);
    const length = this.below(Math.min(bytes.length - at, 64) + 1);
    const rest = bytes.subarray(at + length);
    switch (this.below(9)) {
      case 0:
        return this.#set(bytes, at, (bytes[at] ?? 0) ^ (1 << this.below(8)));
      case 1:
        return this.#set(bytes, at, this.below(256));
      case 2:
        return this.#set(bytes, at, TELLING[this.below(TELLING.length)] ?? 0);
      case 3:
        return Buffer.concat([bytes.subarray(0, at), rest]);
      case 4:
        return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
      case 5:
        return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(this.below(32), this.below(256)), rest]);
      case 6:
        return Buffer.concat([bytes.subarray(0, at), this.#part(other), rest]);
      case 7:
        return Buffer.concat([bytes.subarray(0, at), this.#word(), bytes.subarray(at)]);
      default:
        return bytes.subarray(0, at);
    }
  }

  #set(bytes: Buffer, at: number, value: number): Buffer {
    if (at < bytes.length) bytes[at] = value;
    return bytes;
  }

  #part(other: Buffer): Buffer {
    const start = this.below(other.length + 1);
    return other.subarray(start, start + this.below(other.length - start + 1));
  }

  #word(): Buffer {
    return this.#dictionary[this.below(this.#dictionary.length)] ?? Buffer.from([this.below(256)]);
  }
}
