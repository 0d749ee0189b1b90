import type { TapStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import {
  type AccessUnit,
  AccessUnitAssembler,
  H264_NAL,
  H265_NAL,
  nalType,
  parseSps,
  type Sps,
  type Track,
  type VideoCodec,
} from '@opennvr/rtsp';
import type { Clock } from '@opennvr/service';
import type { FrameStore } from '../frames/store.ts';
import { Pacer } from '../pacer.ts';
import type { FrameListener } from '../types.ts';

/** While nothing is wanted: the longest time between two reads, and what the kernel is asked to hold. */
const MAX_GULP_MS = 200;
/** Shorter pauses than this spare nothing. */
const MIN_GULP_MS = 40;
const MAX_GULP_BYTES = 96 * 1024;
/** Back to reading at once this long before the next keyframe may be due, ms. */
const EARLY_MS = 30;
const START_CODE = Buffer.from([0, 0, 0, 1]);

export interface SlicerOptions {
  cameraId: string;
  intervalMs: number;
  clock: Clock;
  store: Pick<FrameStore, 'put'>;
  /** Asks for packets in gulps, at most every so many ms; 0: as they come. */
  readEvery(ms: number): void;
  /** Told of stored frames; undefined while nobody looks at this camera. */
  listener: FrameListener | undefined;
}

/** What the slicer contributes to {@link TapStatus}. */
export type SlicerCounters = Pick<
  TapStatus,
  | 'codec'
  | 'width'
  | 'height'
  | 'keyframesSeen'
  | 'keyframesStored'
  | 'packetsLost'
  | 'lastUri'
  | 'bytesReceived'
>;

/** True for a track the slicer can work on. */
export function isSliceable(track: Track): boolean {
  return track.kind === 'video' && (track.codec === 'h264' || track.codec === 'h265');
}

/** RTP packets of one camera in, one I-frame an interval into the store. Outlives sessions: counters go on. */
export class Slicer {
  /** What is wrong with the last keyframe or with keeping it; '' when all is well. */
  complaint = '';
  /** Monotonic ms when the last whole keyframe came (or the session began). */
  lastKeyframeAt: number;
  readonly #options: SlicerOptions;
  readonly #pacer: Pacer;
  #listener: FrameListener | undefined;
  #assembler: AccessUnitAssembler | undefined;
  #track = -1;
  #sps: { nal: Buffer; facts: Sps } | undefined;
  #cancelSleep: (() => void) | undefined;
  /** Counted by assemblers of earlier sessions. */
  #before = { keyframes: 0, lost: 0 };
  /** When this session began, and the bytes received before it. */
  #begun = { at: 0, bytes: 0 };
  #codec = '';
  #stored = 0;
  #lastUri = '';
  #bytes = 0;

  constructor(options: SlicerOptions) {
    this.#options = options;
    this.#pacer = new Pacer(options.intervalMs);
    this.#listener = options.listener;
    this.lastKeyframeAt = options.clock.monotonic();
  }

  /** Starts over on a new session's tracks; false when none of them can be sliced. */
  begin(tracks: readonly Track[]): boolean {
    this.#retire();
    const track = tracks.find(isSliceable);
    this.complaint = '';
    if (!track) return false;
    this.lastKeyframeAt = this.#options.clock.monotonic();
    this.#begun = { at: this.lastKeyframeAt, bytes: this.#bytes };
    this.#track = track.index;
    this.#codec = track.codec;
    this.#assembler = new AccessUnitAssembler({
      codec: track.codec as VideoCodec,
      mode: 'keyframes',
      parameterSets: track.parameterSets,
      lend: true,
      onAccessUnit: (unit) => this.#onKeyframe(unit),
    });
    return true;
  }

  /** Takes an RTP packet; the bytes are needed during the call only. */
  push(track: Track, buf: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    if (track.index === this.#track) this.#assembler?.push(buf, start, end);
  }

  /** Takes effect with the next keyframe. */
  adjust({ intervalMs, listener }: Pick<SlicerOptions, 'intervalMs' | 'listener'>): void {
    this.#pacer.intervalMs = intervalMs;
    this.#listener = listener;
    this.#wake();
  }

  end(): void {
    this.#retire();
  }

  counters(): SlicerCounters {
    const { keyframes, lost } = this.#assembler?.stats ?? { keyframes: 0, lost: 0 };
    return {
      codec: this.#codec,
      width: this.#sps?.facts.width ?? 0,
      height: this.#sps?.facts.height ?? 0,
      keyframesSeen: this.#before.keyframes + keyframes,
      keyframesStored: this.#stored,
      packetsLost: this.#before.lost + lost,
      lastUri: this.#lastUri,
      bytesReceived: this.#bytes,
    };
  }

  #onKeyframe(unit: AccessUnit): void {
    const { cameraId, clock, store } = this.#options;
    const listener = this.#listener;
    const now = clock.monotonic();
    this.lastKeyframeAt = now;
    if (!this.#pacer.take(now)) return;
    const { codec } = unit;
    let facts: Sps;
    try {
      facts = this.#facts(codec, unit.nalUnits);
    } catch (error) {
      this.complaint = (error as Error).message;
      return;
    }
    const captureTimeMs = clock.now();
    const parts = unit.nalUnits.flatMap((nal) => [START_CODE, nal]);
    const result = store.put(cameraId, codec, parts, captureTimeMs);
    this.#sleepUntilTurn(now);
    if ('refused' in result) {
      this.complaint = result.detail;
      return;
    }
    this.complaint = '';
    this.#stored++;
    this.#lastUri = result.uri;
    if (!listener) return;
    const { width, height } = facts;
    // The parts are lent to us: who wants to look at them gets a copy.
    const annexB = Buffer.concat(parts);
    const byteLength = annexB.length;
    listener.onFrame({ cameraId, ...result, codec, width, height, captureTimeMs, byteLength, annexB });
  }

  /** Size of the picture; parsed anew only when the camera sends another SPS. @throws RtspError */
  #facts(codec: VideoCodec, nalUnits: readonly Buffer[]): Sps {
    const type = codec === 'h264' ? H264_NAL.sps : H265_NAL.sps;
    const nal = nalUnits.find((unit) => nalType(codec, unit) === type);
    if (nal === undefined) throw new Error('keyframe without SPS');
    if (this.#sps?.nal.equals(nal)) return this.#sps.facts;
    // Copied: a view would keep the whole keyframe alive.
    this.#sps = { nal: Buffer.from(nal), facts: parseSps(codec, nal) };
    return this.#sps.facts;
  }

  /** Until the next turn keyframes are not even copied, and packets are read in gulps. */
  #sleepUntilTurn(now: number): void {
    const wait = this.#pacer.nextTurn - now;
    if (wait <= 0 || !this.#assembler) return;
    const { clock, readEvery } = this.#options;
    this.#assembler.want = false;
    const gulp = Math.min(MAX_GULP_MS, MAX_GULP_BYTES / this.#bytesPerMs(now));
    const cancelWant = clock.after(wait, () => this.#wake());
    // Awake before the turn, so that a keyframe that comes early for it is not taken for one that is due.
    if (gulp < MIN_GULP_MS || wait <= gulp + EARLY_MS) {
      this.#cancelSleep = cancelWant;
      return;
    }
    readEvery(gulp);
    const cancelGulps = clock.after(wait - EARLY_MS, () => readEvery(0));
    this.#cancelSleep = () => {
      cancelWant();
      cancelGulps();
    };
  }

  #bytesPerMs(now: number): number {
    return Math.max(1, (this.#bytes - this.#begun.bytes) / (now - this.#begun.at));
  }

  #wake(): void {
    this.#cancelSleep?.();
    this.#cancelSleep = undefined;
    this.#options.readEvery(0);
    if (this.#assembler) this.#assembler.want = true;
  }

  #retire(): void {
    this.#wake();
    if (!this.#assembler) return;
    this.#before.keyframes += this.#assembler.stats.keyframes;
    this.#before.lost += this.#assembler.stats.lost;
    this.#assembler = undefined;
  }
}
