import type { Clock, Logger } from '@opennvr/service';
import { sleep } from '@opennvr/service';
import { Backlog } from './backlog.ts';
import { type Block, type Format, TICKS_PER_SECOND } from './format.ts';
import type { Fragment } from './fragments.ts';
import { Muxer } from './muxer.ts';
import { SegmentFile } from './segment-file.ts';

export interface RecorderOptions {
  clock: Clock;
  log: Logger;
  ffmpeg: string;
  /** The camera's folder. */
  folder: string;
  format: Format;
  segmentSeconds: number;
  partMs: number;
  /** Bytes held while disk or ffmpeg do not take them; half a minute of a busy camera when not given. */
  backlogBytes?: number;
  /** True once a segment holds media, false when writing has stopped. */
  onRecording: (recording: boolean) => void;
}

const BACKLOG_BYTES = 32 * 1024 * 1024;
const RETRY_MS = { first: 250, most: 15_000 } as const;
/** How far names may drift from the wall clock before they follow it again. */
const MAX_DRIFT_MS = 250;
const FINISH_MS = 5000;

/** Writes one camera's segments for as long as its format stays the same. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #backlog: Backlog;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #started: () => void = () => undefined;
  #muxer: Muxer | undefined;
  #finishing = false;
  #init: Buffer = Buffer.alloc(0);
  #segment: SegmentFile | undefined;
  /** Times of the segment: media origin for the muxer's clock (s), first block (ticks), end of the last whole GOP. */
  #origin = 0;
  #segmentStart = 0;
  #gopOffset = 0;
  /** Media time (ticks) and wall clock (ms) that belong together. */
  #anchor: { time: number; wall: number } | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#backlog = new Backlog(options.backlogBytes ?? BACKLOG_BYTES);
    const started = new Promise<void>((resolve) => {
      this.#started = resolve;
    });
    this.#done = started.then(() => this.#run());
  }

  get muxerPid(): number | undefined {
    return this.#muxer?.pid;
  }

  /** Takes the next block in decoding order. Nothing before the first keyframe can be played, nor is it kept. */
  write(block: Block): void {
    if (this.#finishing) return;
    if (this.#backlog.blocks.length === 0 && !(block.track === 'video' && block.keyframe)) return;
    this.#backlog.push(block);
    this.#started();
    this.#muxer?.write(block);
    if (this.#backlog.full) this.#backlog.dropWritten();
    if (!this.#backlog.full) return;
    if (this.#muxer) this.#muxer.kill().catch((error: unknown) => this.#warn(error, 'ending a stuck ffmpeg'));
    else this.#makeRoom();
  }

  /** Writes what is held and closes the segment. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#started();
    this.#muxer?.end();
    const cancel = this.#options.clock.after(FINISH_MS, () => {
      this.#abort.abort(new Error('gave up'));
      this.#muxer?.kill().catch((error: unknown) => this.#warn(error, 'ending ffmpeg'));
    });
    await this.#done;
    cancel();
  }

  async #run(): Promise<void> {
    for (let wait: number = RETRY_MS.first; this.#backlog.unwritten > 0; ) {
      try {
        await this.#mux(() => {
          wait = RETRY_MS.first;
        });
        if (this.#backlog.unwritten === 0) break;
        throw new Error(`ffmpeg kept ${this.#backlog.unwritten} frames to itself`);
      } catch (error) {
        this.#options.onRecording(false);
        this.#warn(error, `recording was interrupted; starting again in ${wait} ms`);
      }
      await this.#rollBack();
      if (this.#abort.signal.aborted) break;
      await sleep(this.#options.clock, wait, this.#abort.signal).catch(() => undefined);
      wait = Math.min(wait * 2, RETRY_MS.most);
    }
    await this.#closeSegment();
    this.#options.onRecording(false);
    this.#sayLost(this.#backlog.unwritten);
  }

  async #mux(onProgress: () => void): Promise<void> {
    const { ffmpeg, format, partMs, log } = this.#options;
    const muxer = new Muxer({
      ffmpeg,
      format,
      partMs,
      onMessage: (line) => log.debug({ ffmpeg: line }, 'ffmpeg says'),
    });
    this.#muxer = muxer;
    try {
      for (const block of this.#backlog.blocks) muxer.write(block);
      if (this.#finishing) muxer.end();
      for await (const piece of muxer.pieces()) {
        if (piece.kind === 'init') this.#init = piece.data;
        else await this.#append(piece.fragment, muxer);
        onProgress();
      }
    } finally {
      this.#muxer = undefined;
      await muxer.kill();
    }
  }

  async #append(fragment: Fragment, muxer: Muxer): Promise<void> {
    const first = this.#backlog.next();
    if (first?.keyframe) {
      const age = (first.time - this.#segmentStart) / TICKS_PER_SECOND;
      if (!this.#segment || age >= this.#options.segmentSeconds) await this.#openSegment(first, fragment);
      this.#gopOffset = this.#segment?.size ?? 0;
    }
    await this.#segment?.append(muxer.parser.rebase(fragment, this.#origin));
    this.#backlog.confirm(fragment.videoSamples);
    this.#options.onRecording(true);
  }

  async #openSegment(first: Block, fragment: Fragment): Promise<void> {
    await this.#closeSegment();
    this.#segment = await SegmentFile.create(this.#options.folder, this.#wallOf(first), this.#init);
    this.#segmentStart = first.time;
    this.#origin = Math.min(...fragment.starts.values());
  }

  /** Names follow the media's own clock, so that segments join without gap; the wall clock corrects that. */
  #wallOf(block: Block): number {
    const anchor = this.#anchor ?? { time: block.time, wall: block.arrived };
    const wall = anchor.wall + ((block.time - anchor.time) * 1000) / TICKS_PER_SECOND;
    const drifted = Math.abs(wall - block.arrived) > MAX_DRIFT_MS;
    this.#anchor = { time: block.time, wall: drifted ? block.arrived : wall };
    return this.#anchor.wall;
  }

  /** Takes the segment back to where the backlog begins. */
  async #rollBack(): Promise<void> {
    const { cutBack, lost } = this.#backlog.rewind();
    this.#sayLost(lost);
    this.#makeRoom();
    try {
      if (cutBack) await this.#segment?.truncate(this.#gopOffset);
    } catch (error) {
      this.#warn(error, 'cutting a segment back to its last whole GOP');
    }
    await this.#closeSegment();
  }

  async #closeSegment(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    try {
      await segment?.close();
    } catch (error) {
      this.#warn(error, 'closing a segment');
    }
  }

  #makeRoom(): void {
    this.#sayLost(this.#backlog.makeRoom());
  }

  #sayLost(frames: number): void {
    if (frames > 0) this.#options.log.error({ frames }, 'frames could not be recorded');
  }

  #warn(error: unknown, doing: string): void {
    this.#options.log.warn({ err: error }, doing);
  }
}
