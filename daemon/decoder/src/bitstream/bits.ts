/** The syntax ran past its end or holds a value no decoder could use. Never leaves `bitstream/`. */
export class BitstreamError extends Error {
  override name = 'BitstreamError';
}

/** Reads an RBSP (emulation prevention already removed) bit by bit. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bits read so far. */
  get position(): number {
    return this.#position;
  }

  /** u(n), n ≤ 32. @throws BitstreamError past the end. */
  u(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const byte = this.#bytes[this.#position >> 3];
      if (byte === undefined) throw new BitstreamError('syntax ends early');
      value = value * 2 + ((byte >> (7 - (this.#position & 7))) & 1);
      this.#position++;
    }
    return value;
  }

  flag(): boolean {
    return this.u(1) === 1;
  }

  skip(bits: number): void {
    if (this.#position + bits > this.#bytes.length * 8) throw new BitstreamError('syntax ends early');
    this.#position += bits;
  }

  /** ue(v), ISO/IEC 14496-10 9.1. @throws BitstreamError above 2^32 - 2. */
  ue(): number {
    let zeros = 0;
    while (this.u(1) === 0) {
      if (++zeros > 32) throw new BitstreamError('Exp-Golomb code is too long');
    }
    return 2 ** zeros - 1 + this.u(zeros);
  }

  se(): number {
    const code = this.ue();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}

/** Writes an RBSP bit by bit. */
export class BitWriter {
  readonly #bits: number[] = [];

  u(value: number, bits: number): this {
    for (let i = bits - 1; i >= 0; i--) this.#bits.push(Math.floor(value / 2 ** i) % 2);
    return this;
  }

  ue(value: number): this {
    const zeros = Math.floor(Math.log2(value + 1));
    return this.u(0, zeros).u(value + 1, zeros + 1);
  }

  /** Copies bits `from` (inclusive) to `to` (exclusive) of `source`. */
  copy(source: Uint8Array, from: number, to: number): this {
    for (let i = from; i < to; i++) this.#bits.push(((source[i >> 3] ?? 0) >> (7 - (i & 7))) & 1);
    return this;
  }

  /** Zero bits up to the next byte. */
  align(): this {
    while (this.#bits.length % 8 !== 0) this.#bits.push(0);
    return this;
  }

  bytes(bytes: Iterable<number>): this {
    for (const byte of bytes) this.u(byte, 8);
    return this;
  }

  /** rbsp_trailing_bits() and the bytes. */
  finish(): Buffer {
    this.u(1, 1).align();
    return this.toBytes();
  }

  toBytes(): Buffer {
    const out = Buffer.alloc(Math.ceil(this.#bits.length / 8));
    this.#bits.forEach((bit, i) => {
      if (bit === 1) out[i >> 3] = (out[i >> 3] ?? 0) | (0x80 >> (i & 7));
    });
    return out;
  }
}
