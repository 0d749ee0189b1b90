/** Writes what `BitReader` reads; for making parameter sets no encoder would. */
export class BitWriter {
  #bits: number[] = [];

  constructor(bytes: readonly number[] = []) {
    for (const byte of bytes) this.bits(byte, 8);
  }

  bits(value: number, count: number): this {
    for (let i = count - 1; i >= 0; i--) this.#bits.push(Math.floor(value / 2 ** i) % 2);
    return this;
  }

  zeros(count: number): this {
    for (let i = 0; i < count; i++) this.#bits.push(0);
    return this;
  }

  /** ue(v) */
  ue(value: number): this {
    const length = Math.floor(Math.log2(value + 1));
    return this.zeros(length).bits(value + 1, length + 1);
  }

  bytes(): Buffer {
    const bytes: number[] = [];
    for (let i = 0; i < this.#bits.length; i += 8) {
      bytes.push(
        Number.parseInt(
          this.#bits
            .slice(i, i + 8)
            .join('')
            .padEnd(8, '0'),
          2,
        ),
      );
    }
    return Buffer.from(bytes);
  }
}
