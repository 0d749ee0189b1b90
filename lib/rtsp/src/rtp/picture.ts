import {
  isDelimiter,
  isKeyframeType,
  isSliceType,
  nalHeaderLength,
  nalType,
  nalTypeOf,
  parameterSetKind,
} from '../bitstream/nal.ts';
import type { ParameterSetTracker } from '../bitstream/parameter-sets.ts';
import { type AccessUnit, LIMITS, type VideoCodec } from '../types.ts';
import { byteAt } from './byte.ts';
import { NalBuffer } from './nal-buffer.ts';

/** What an assembler has seen since it was made. */
export interface AssemblerStats {
  /** RTP packets with a valid header. */
  packets: number;
  /** Sequence numbers that never came. */
  lost: number;
  /** Packets older than one already taken; dropped. */
  late: number;
  /** Access units with a part missing: emitted as such in mode `all`, dropped keyframes in mode `keyframes`. */
  damaged: number;
  /** Packets or parts of packets that break the payload format, and access units beyond `LIMITS`; dropped. */
  malformed: number;
  /** Keyframes begun, wanted or not. */
  keyframes: number;
}

export type AssemblerMode = 'all' | 'keyframes';

/** NAL types that are units of their own; beyond them are aggregation and fragmentation (RFC 6184, RFC 7798). */
const LAST_NAL_TYPE = { h264: 23, h265: 47 } as const;

/** No slice seen yet, what came before it is kept; slices are being kept; nothing more of this picture is kept. */
type State = 'before' | 'keeping' | 'skipping';

/**
 * The access unit being received. Fed with whole NAL units and fragments by the payload formats; decides what is
 * kept, and copies only that.
 */
export class Picture {
  want = true;
  /** RTP timestamp of the picture under way. */
  timestamp = 0;
  readonly codec: VideoCodec;
  readonly #keyframesOnly: boolean;
  readonly #stats: AssemblerStats;
  readonly #sets: ParameterSetTracker;
  readonly #emit: (accessUnit: AccessUnit) => void;
  readonly #lend: boolean;
  readonly #nals = new NalBuffer();
  #state: State = 'before';
  #keyframe = false;
  #damaged = false;
  /** A slice with the picture's first macroblock or coding tree block came. */
  #hasFirstSlice = false;
  /** NAL type of the fragmented NAL unit under way, -1 when there is none. */
  #fragmentType = -1;
  /** True until the first picture ends: one that was joined midway is nobody's loss. */
  #joining = true;

  constructor(
    codec: VideoCodec,
    mode: AssemblerMode,
    stats: AssemblerStats,
    sets: ParameterSetTracker,
    emit: (accessUnit: AccessUnit) => void,
    lend: boolean,
  ) {
    this.codec = codec;
    this.#keyframesOnly = mode === 'keyframes';
    this.#stats = stats;
    this.#sets = sets;
    this.#emit = emit;
    this.#lend = lend;
  }

  /** True when the rest of this picture is not looked at. */
  get skipping(): boolean {
    return this.#state === 'skipping';
  }

  /** Takes one whole NAL unit, header first. */
  nalUnit(buf: Buffer, start: number, end: number): void {
    const type = nalTypeOf(this.codec, byteAt(buf, start));
    const headerLength = nalHeaderLength(this.codec);
    if (end - start < headerLength || !this.#isNalType(type)) {
      this.#stats.malformed++;
      return;
    }
    this.#closeFragment();
    const slice = byteAt(buf, start + headerLength);
    if (!this.#admits(type, end - start > headerLength && slice >= 0x80)) return;
    if (this.#append(buf, start, end)) this.#finishNal(type);
  }

  /**
   * Takes one fragment; `header` is the NAL unit header (8 or 16 bit) that the fragment's own header stands for,
   * `buf[start, end)` the fragment's payload.
   */
  fragment(buf: Buffer, start: number, end: number, header: number, first: boolean, last: boolean): void {
    const twoBytes = this.codec === 'h265';
    const type = nalTypeOf(this.codec, twoBytes ? header >> 8 : header);
    if (!this.#isNalType(type)) {
      this.malformed();
      return;
    }
    if (first) {
      this.#closeFragment();
      if (!this.#admits(type, end > start && byteAt(buf, start) >= 0x80)) return;
      if (twoBytes) this.#nals.appendByte(header >> 8);
      this.#nals.appendByte(header & 0xff);
      this.#fragmentType = type;
    } else if (this.#fragmentType !== type) {
      this.#orphan(type);
      return;
    }
    if (this.#append(buf, start, end) && last) this.#closeFragment();
  }

  /** Counts something that breaks the payload format and cost a part of the picture. */
  malformed(): void {
    this.#stats.malformed++;
    this.damage();
  }

  /** A part of this picture is missing. */
  damage(): void {
    this.#nals.drop();
    this.#fragmentType = -1;
    if (this.#keyframesOnly && this.#state === 'keeping') this.#abandon();
    else this.#damaged = true;
  }

  /** The picture is over: hands it out when it is to be had, and makes ready for the next. */
  end(): void {
    this.#closeFragment();
    // Cameras end parameter sets and SEI with a marker, or stamp them as the picture before: they are the next one's.
    if (this.#state === 'before') return;
    const damaged = this.#damaged || !this.#hasFirstSlice;
    const keep = this.#state === 'keeping' && !(damaged && this.#joining);
    this.#joining = false;
    if (!keep) {
      this.#reset();
      return;
    }
    if (this.#keyframesOnly) this.#endKeyframe(damaged);
    else {
      if (damaged) this.#stats.damaged++;
      this.#handOut(damaged);
    }
  }

  /** Makes room: the fast path asks this first, so it is one comparison for a slice that is not wanted. */
  #admits(type: number, firstSlice: boolean): boolean {
    if (this.#state === 'skipping') return false;
    if (!isSliceType(this.codec, type)) return true;
    if (this.#state === 'before') {
      const keyframe = isKeyframeType(this.codec, type);
      if (keyframe) this.#stats.keyframes++;
      if (this.#keyframesOnly && !(keyframe && this.want && !this.#damaged)) {
        if (keyframe && this.want) this.#abandon();
        else this.#skip();
        return false;
      }
      this.#state = 'keeping';
      this.#keyframe = keyframe;
    }
    this.#hasFirstSlice ||= firstSlice;
    return true;
  }

  /** A fragment whose beginning never came. */
  #orphan(type: number): void {
    if (this.#state === 'skipping') return;
    const explained = this.#damaged || this.#joining;
    if (!explained) this.#stats.malformed++;
    if (!this.#keyframesOnly) {
      if (isSliceType(this.codec, type)) this.#state = 'keeping';
      this.damage();
    } else if (
      this.#state === 'keeping' ||
      (isKeyframeType(this.codec, type) && this.want && !this.#joining)
    ) {
      this.#abandon();
    } else if (isSliceType(this.codec, type)) {
      this.#skip();
    } else {
      this.damage();
    }
  }

  /** Gives up a keyframe that was wanted, or a picture that outgrew its bounds. */
  #abandon(): void {
    this.#stats.damaged++;
    this.#skip();
  }

  #skip(): void {
    this.#nals.clear();
    this.#fragmentType = -1;
    this.#state = 'skipping';
  }

  /** Returns false when the access unit has outgrown its bounds and was given up. */
  #append(buf: Buffer, start: number, end: number): boolean {
    const { length, count } = this.#nals;
    if (length + end - start > LIMITS.accessUnit || count >= LIMITS.nalUnits) {
      this.#stats.malformed++;
      this.#abandon();
      return false;
    }
    this.#nals.append(buf, start, end);
    return true;
  }

  /** Ends the fragmented NAL unit under way. Without a gap it is whole even when its end bit never came. */
  #closeFragment(): void {
    if (this.#fragmentType < 0) return;
    this.#finishNal(this.#fragmentType);
    this.#fragmentType = -1;
  }

  #finishNal(type: number): void {
    const nals = this.#nals;
    if (!isSliceType(this.codec, type)) this.#sets.observe(nals.bytes, nals.openStart, nals.length);
    nals.finish();
  }

  #endKeyframe(damaged: boolean): void {
    // Without parameter sets nothing can decode it.
    if (damaged || !this.#sets.complete) this.#stats.damaged++;
    else if (this.want) {
      this.#handOut(false);
      return;
    }
    this.#reset();
  }

  #handOut(damaged: boolean): void {
    const keyframe = this.#keyframe;
    let nalUnits = this.#lend ? this.#nals.lend() : this.#nals.take();
    this.#reset();
    if (keyframe && nalUnits.length > 0) nalUnits = this.#withParameterSets(nalUnits);
    // Loss may have left nothing, or nothing but a stump of a parameter set.
    if (nalUnits.length === 0) return;
    this.#emit({ codec: this.codec, nalUnits, keyframe, rtpTimestamp: this.timestamp, damaged });
  }

  /** A keyframe with every parameter set a decoder needs: its own when it brings them all, else those in force. */
  #withParameterSets(nalUnits: Buffer[]): Buffer[] {
    const kinds = new Set(nalUnits.map((nal) => parameterSetKind(this.codec, nalType(this.codec, nal))));
    kinds.delete(undefined);
    if (kinds.size === (this.codec === 'h264' ? 2 : 3)) return nalUnits;
    const sets = this.#sets.all();
    const others = nalUnits.filter((nal) => !parameterSetKind(this.codec, nalType(this.codec, nal)));
    const [first] = others;
    const delimited = first !== undefined && isDelimiter(this.codec, nalType(this.codec, first));
    return delimited ? [first, ...sets, ...others.slice(1)] : [...sets, ...others];
  }

  #reset(): void {
    this.#nals.clear();
    this.#state = 'before';
    this.#keyframe = false;
    this.#damaged = false;
    this.#hasFirstSlice = false;
    this.#fragmentType = -1;
  }

  #isNalType(type: number): boolean {
    return type <= LAST_NAL_TYPE[this.codec] && (type > 0 || this.codec === 'h265');
  }
}
