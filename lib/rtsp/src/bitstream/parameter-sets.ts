import type { ParameterSets, VideoCodec } from '../types.ts';
import { nalHeaderLength, nalTypeOf, type ParameterSetKind, parameterSetKind } from './nal.ts';

/** Bytes of one parameter set worth keeping; real ones have tens, with every scaling list about two thousand. */
const MAX_BYTES = 8192;
/** Parameter sets kept: real streams have two to six. */
const MAX_SETS = 32;
const KINDS: readonly ParameterSetKind[] = ['vps', 'sps', 'pps'];

/**
 * The parameter sets in force: those of the session description until in-band ones replace them.
 * Several of one kind are kept apart by their id, as some encoders use two PPS. Holds at most 256 KiB.
 */
export class ParameterSetTracker {
  readonly #codec: VideoCodec;
  readonly #sets = new Map<number, { kind: ParameterSetKind; nal: Buffer }>();

  constructor(codec: VideoCodec, initial: ParameterSets = {}) {
    this.#codec = codec;
    for (const kind of KINDS) {
      const nal = initial[kind];
      if (nal) this.observe(nal, 0, nal.length);
    }
    for (const nal of initial.more ?? []) this.observe(nal, 0, nal.length);
  }

  /**
   * Looks at the NAL unit in `buf[start, end)` and keeps a copy when it is a parameter set not seen before.
   *
   * @returns true when what is in force changed. Allocates nothing otherwise.
   */
  observe(buf: Buffer, start: number, end: number): boolean {
    const kind = parameterSetKind(this.#codec, nalTypeOf(this.#codec, buf[start] ?? 0));
    if (kind === undefined || end - start <= nalHeaderLength(this.#codec) || end - start > MAX_BYTES)
      return false;
    const key = KINDS.indexOf(kind) * 256 + this.#id(kind, buf, start);
    const known = this.#sets.get(key);
    if (known?.nal.compare(buf, start, end) === 0) return false;
    if (!known && this.#sets.size >= MAX_SETS) return false;
    this.#sets.set(key, { kind, nal: Buffer.from(buf.subarray(start, end)) });
    return true;
  }

  /** True when every kind the codec needs is known. */
  get complete(): boolean {
    return KINDS.every((kind) => (kind === 'vps' && this.#codec === 'h264') || this.#of(kind).length > 0);
  }

  /** All in force, in the order a decoder needs them: VPS, SPS, PPS. */
  all(): Buffer[] {
    return KINDS.flatMap((kind) => this.#of(kind));
  }

  #of(kind: ParameterSetKind): Buffer[] {
    return [...this.#sets.values()].filter((set) => set.kind === kind).map((set) => set.nal);
  }

  /** The set's own id, 0 when it cannot be read. An H.265 SPS has it behind the profile: one is kept. */
  #id(kind: ParameterSetKind, buf: Buffer, start: number): number {
    if (this.#codec === 'h265') {
      if (kind === 'vps') return (buf[start + 2] ?? 0) >> 4;
      return kind === 'sps' ? 0 : exponentialGolomb(buf, start + 2);
    }
    return exponentialGolomb(buf, start + (kind === 'sps' ? 4 : 1));
  }
}

/** A ue(v) below 256 at a byte boundary, 0 when it is none. */
function exponentialGolomb(buf: Buffer, at: number): number {
  const window = ((buf[at] ?? 0) << 16) | ((buf[at + 1] ?? 0) << 8) | (buf[at + 2] ?? 0);
  const zeros = Math.clz32(window) - 8;
  if (zeros > 8) return 0;
  return Math.min((window >> (23 - 2 * zeros)) - 1, 255);
}
