import type { Block } from './format.ts';

/**
 * Blocks handed to the muxer whose GOP is not yet complete on disk. Should the muxer die, the segment is cut
 * back to the last keyframe written and these go to the next muxer: nothing is lost and nothing is there twice.
 */
export class Backlog {
  readonly #maxBytes: number;
  #blocks: Block[] = [];
  #bytes = 0;
  /** Blocks at the front that are on disk already. */
  #written = 0;
  /** False once the beginning of the GOP on disk was let go. */
  #whole = true;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get blocks(): readonly Block[] {
    return this.#blocks;
  }

  get full(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** Access units not yet on disk. */
  get unwritten(): number {
    return countVideo(this.#blocks.slice(this.#written));
  }

  push(block: Block): void {
    this.#blocks.push(block);
    this.#bytes += block.data.length;
  }

  /** The next access unit that will come out of the muxer. */
  next(): Block | undefined {
    for (let i = this.#written; i < this.#blocks.length; i++) {
      if (this.#blocks[i]?.track === 'video') return this.#blocks[i];
    }
    return undefined;
  }

  /** The next `samples` access units are on disk. A GOP is forgotten once the next one has begun. */
  confirm(samples: number): void {
    const next = this.next();
    if (next?.keyframe) {
      this.#forget(this.#blocks.indexOf(next));
      this.#whole = true;
    }
    for (let left = samples; left > 0 && this.#written < this.#blocks.length; this.#written++) {
      if (this.#blocks[this.#written]?.track === 'video') left--;
    }
  }

  /** Lets go of what is on disk: a GOP that goes on for ever must not end the recording. */
  dropWritten(): void {
    if (this.#written > 0) this.#whole = false;
    this.#forget(this.#written);
  }

  /**
   * Gets ready to write everything held once more, from a keyframe on.
   *
   * @returns whether the file has to be cut back to that keyframe, and how many access units cannot be written
   *   again because their keyframe was let go.
   */
  rewind(): { cutBack: boolean; lost: number } {
    this.#written = 0;
    if (this.#whole) return { cutBack: true, lost: 0 };
    const keyframe = this.#blocks.findIndex((block) => block.track === 'video' && block.keyframe);
    const end = keyframe === -1 ? this.#blocks.length : keyframe;
    const lost = countVideo(this.#blocks.slice(0, end));
    this.#forget(end);
    this.#whole = true;
    return { cutBack: false, lost };
  }

  /** Gives up the oldest GOPs until there is room. Only while no muxer holds them. Returns access units lost. */
  makeRoom(): number {
    let lost = 0;
    while (this.full) {
      const next = this.#blocks.findIndex((block, i) => i > 0 && block.track === 'video' && block.keyframe);
      const end = next === -1 ? this.#blocks.length : next;
      lost += countVideo(this.#blocks.slice(this.#written, end));
      this.#forget(end);
    }
    return lost;
  }

  #forget(count: number): void {
    for (const block of this.#blocks.splice(0, count)) this.#bytes -= block.data.length;
    this.#written = Math.max(0, this.#written - count);
  }
}

function countVideo(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + (block.track === 'video' ? 1 : 0), 0);
}
