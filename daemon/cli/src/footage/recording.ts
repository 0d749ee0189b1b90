import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { Fmp4Error } from './boxes.ts';
import { type ByteSource, type RecordedFrame, SegmentReader } from './segment.ts';

/** Numbers beyond this are not ours: 2²⁶ frames are 31 days at 25 a second. */
const MAX_FRAME_NUMBER = 2 ** 26;

/** Segments, counted from the newest, that may still grow. */
const GROWING = 3;

/** A set of frame numbers, one bit each. */
export class FrameSet {
  #bits = new Uint8Array(1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @returns false when it was there already, or is no number that can be. */
  add(frame: number): boolean {
    if (!Number.isInteger(frame) || frame < 0 || frame >= MAX_FRAME_NUMBER || this.has(frame)) return false;
    const byte = frame >> 3;
    if (byte >= this.#bits.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(byte + 1)));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (frame & 7));
    this.#size += 1;
    return true;
  }

  has(frame: number): boolean {
    return ((this.#bits[frame >> 3] ?? 0) & (1 << (frame & 7))) !== 0;
  }
}

/**
 * What one camera has on disk. Segments that were there before are left out, so that a run counts its own frames.
 */
export class Recording {
  /** Numbers found in the frames on disk. */
  numbers = new FrameSet();
  /** Video frames on disk, numbered or not. */
  frames = 0;
  codec: string | undefined;
  /** Numbered frames that stand behind themselves or a later one: written twice, or in another order. */
  misplaced = 0;
  /** What is wrong with a segment, one sentence each. */
  problems: string[] = [];
  readonly folder: string;
  readonly #before: ReadonlySet<string>;
  readonly #readers = new Map<string, SegmentReader | 'broken'>();
  #newest = -1;

  /** @param folder holds the camera's segments; need not exist yet. */
  constructor(folder: string) {
    this.folder = folder;
    this.#before = new Set(segmentsIn(folder));
  }

  /** Paths of this run's segments, oldest first. */
  get segments(): string[] {
    return segmentsIn(this.folder)
      .filter((name) => !this.#before.has(name))
      .map((name) => join(this.folder, name));
  }

  /**
   * Reads what has come since the last call. Segments that have been followed by others are left alone:
   * recorders are done with those, most likely.
   */
  poll(): void {
    const segments = this.segments;
    const growing = new Set(segments.slice(-GROWING));
    for (const path of segments) {
      if (!growing.has(path) && this.#readers.has(path)) continue;
      const reader = this.#readers.get(path) ?? new SegmentReader();
      if (reader === 'broken') continue;
      this.#readers.set(path, reader);
      try {
        withFile(path, (source) => reader.poll(source, (frame) => this.#onFrame(frame)));
      } catch (error) {
        if (!(error instanceof Fmp4Error)) throw error;
        this.#readers.set(path, 'broken');
        this.problems.push(`${path}: ${error.message}`);
      }
    }
  }

  /** Counts anew what is on disk now: what was read once and has gone since is lost all the same. */
  recount(): void {
    this.numbers = new FrameSet();
    this.frames = 0;
    this.misplaced = 0;
    this.problems = [];
    this.#newest = -1;
    this.#readers.clear();
    this.poll();
  }

  #onFrame(frame: RecordedFrame): void {
    this.frames += 1;
    this.codec = frame.codec;
    if (frame.number === undefined) return;
    this.numbers.add(frame.number);
    if (frame.number <= this.#newest) this.misplaced += 1;
    else this.#newest = frame.number;
  }
}

function segmentsIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.mp4'))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Opened for each poll: hundreds of segments shall not keep hundreds of descriptors. */
function withFile(path: string, use: (source: ByteSource) => void): void {
  const fd = openSync(path, 'r');
  try {
    use({
      size: fstatSync(fd).size,
      read: (offset, length) => {
        const buf = Buffer.allocUnsafe(length);
        return buf.subarray(0, readSync(fd, buf, 0, length, offset));
      },
    });
  } finally {
    closeSync(fd);
  }
}
