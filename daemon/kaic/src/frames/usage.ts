import { lstatSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** How full the store is. */
export interface Meter {
  /** The store is a filesystem of its own: what others pin shows up in `used`. */
  readonly ownFilesystem: boolean;
  /** Bytes a file of this size takes. */
  round(bytes: number): number;
  /** Bytes taken, `believed` being what the store thinks it holds. */
  used(believed: number): number;
  /** Bytes there can be at most, whatever the settings say. */
  limit(): number;
}

const PAGE = 4096;

/** Counts blocks with statfs(2): also those of deleted files that somebody still has open or mapped. */
class FilesystemMeter implements Meter {
  readonly ownFilesystem = true;
  readonly #dir: string;
  readonly #block: number;

  constructor(dir: string) {
    this.#dir = dir;
    this.#block = statfsSync(dir).bsize;
  }

  round(bytes: number): number {
    return Math.ceil(bytes / this.#block) * this.#block;
  }

  used(): number {
    const { blocks, bfree } = statfsSync(this.#dir);
    return (blocks - bfree) * this.#block;
  }

  limit(): number {
    return statfsSync(this.#dir).blocks * this.#block;
  }
}

/** A folder among others: statfs would tell of everybody's files, so the store's own books count. */
const folderMeter: Meter = {
  ownFilesystem: false,
  round: (bytes) => Math.ceil(bytes / PAGE) * PAGE,
  used: (believed) => believed,
  limit: () => Number.POSITIVE_INFINITY,
};

/** The meter that fits `dir`: a mount point is on another device than its parent. */
export function meterFor(dir: string): Meter {
  return lstatSync(dir).dev === lstatSync(dirname(dir)).dev ? folderMeter : new FilesystemMeter(dir);
}
