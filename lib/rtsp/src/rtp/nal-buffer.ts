import { LIMITS } from '../types.ts';

const SCRATCH = 2048;

/**
 * Gathers the NAL units of one access unit in one growing piece of memory.
 *
 * Small leftovers (a parameter set, an SEI before a picture nobody wants) live in a scratch that is kept;
 * a picture gets memory of about the last one's size, which {@link take} gives away. Between pictures it holds 2 KiB.
 * With {@link lend} in its place the memory stays, at most four times what the last picture used.
 */
export class NalBuffer {
  #bytes = Buffer.allocUnsafeSlow(SCRATCH);
  #length = 0;
  #lastTaken = 0;
  /** Memory of at most this size is used again. */
  #keep = 0;
  /** Where each finished NAL unit ends; it starts where the one before ends. */
  readonly #ends: number[] = [];
  #count = 0;

  /** Bytes held, the unfinished NAL unit included. */
  get length(): number {
    return this.#length;
  }

  /** Finished NAL units held. */
  get count(): number {
    return this.#count;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Where the unfinished NAL unit starts in `bytes`. */
  get openStart(): number {
    return this.#count === 0 ? 0 : (this.#ends[this.#count - 1] ?? 0);
  }

  appendByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  append(from: Buffer, start: number, end: number): void {
    this.#reserve(end - start);
    from.copy(this.#bytes, this.#length, start, end);
    this.#length += end - start;
  }

  /** What was appended since the last call is one NAL unit. */
  finish(): void {
    this.#ends[this.#count++] = this.#length;
  }

  /** Forgets what was appended since {@link finish}. */
  drop(): void {
    this.#length = this.openStart;
  }

  /** Forgets everything. */
  clear(): void {
    this.#length = 0;
    this.#count = 0;
    if (this.#bytes.length > Math.max(SCRATCH, this.#keep)) this.#bytes = Buffer.allocUnsafeSlow(SCRATCH);
    if (this.#ends.length > 64) this.#ends.length = 0;
  }

  /** The finished NAL units, which are the caller's from here on; holds nothing afterwards. */
  take(): Buffer[] {
    const used = this.openStart;
    // Handing out much more memory than is used would let a reader pin it.
    const tight = used >= this.#bytes.length * 0.75;
    const nalUnits = this.#views(tight ? this.#bytes : Buffer.from(this.#bytes.subarray(0, used)));
    if (tight) this.#bytes = Buffer.allocUnsafeSlow(SCRATCH);
    this.#lastTaken = used;
    this.clear();
    return nalUnits;
  }

  /** The finished NAL units, valid until the next {@link append}; holds nothing afterwards. */
  lend(): Buffer[] {
    const nalUnits = this.#views(this.#bytes);
    this.#lastTaken = this.openStart;
    this.#keep = this.#lastTaken * 4;
    this.clear();
    return nalUnits;
  }

  #views(of: Buffer): Buffer[] {
    const nalUnits: Buffer[] = [];
    let start = 0;
    for (let i = 0; i < this.#count; i++) {
      const end = this.#ends[i] ?? start;
      nalUnits.push(of.subarray(start, end));
      start = end;
    }
    return nalUnits;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const expected = this.#lastTaken + (this.#lastTaken >> 3);
    const roomy = Math.min(Math.max(expected, this.#bytes.length * 2), LIMITS.accessUnit);
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, roomy));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
