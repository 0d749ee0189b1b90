import { RtspError } from '../types.ts';

/** Reads bits, most significant first, out of a raw byte sequence payload. Never past its end. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #position: number;

  /** `what` names the structure in errors. */
  constructor(bytes: Uint8Array, what: string, startByte = 0) {
    this.#bytes = bytes;
    this.#what = what;
    this.#position = startByte * 8;
  }

  /** One bit as a number. @throws RtspError `protocol` at the end. */
  bit(): number {
    const byte = this.#bytes[this.#position >> 3];
    if (byte === undefined) throw new RtspError('protocol', `${this.#what} ends early`);
    return (byte >> (7 - (this.#position++ & 7))) & 1;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  /** u(n), n ≤ 32. @throws RtspError `protocol` at the end. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 2 + this.bit();
    return value;
  }

  /** @throws RtspError `protocol` when fewer than `count` bits are left. */
  skip(count: number): void {
    this.#position += count;
    if (this.#position > this.#bytes.length * 8) throw new RtspError('protocol', `${this.#what} ends early`);
  }

  /**
   * ue(v), the unsigned exp-Golomb code (H.264 9.1, H.265 9.2), of a field that may not exceed `max`.
   *
   * @throws RtspError `protocol` at the end or above `max`.
   */
  ue(field: string, max = 0xffff_fffe): number {
    let zeros = 0;
    while (this.bit() === 0) {
      if (++zeros > 31) throw new RtspError('protocol', `${this.#what}: ${field} is no exp-Golomb code`);
    }
    const value = 2 ** zeros - 1 + this.bits(zeros);
    if (value > max) throw new RtspError('protocol', `${this.#what}: ${field} is ${value}, more than ${max}`);
    return value;
  }

  /** se(v), the signed exp-Golomb code. @throws RtspError as {@link ue}. */
  se(field: string): number {
    const code = this.ue(field);
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }
}
