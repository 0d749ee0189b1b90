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
    if (next?.keyframe) this.#forget(this.#blocks.indexOf(next));
    for (let left = samples; left > 0 && this.#written < this.#blocks.length; this.#written++) {
      if (this.#blocks[this.#written]?.track === 'video') left--;
    }
  }

  /** Everything held has to be written again, from a keyframe on. */
  rewind(): void {
    this.#written = 0;
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
