import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

interface Newest {
  /** Of the camera's folder: changes when a segment begins. */
  folderMtimeMs: number;
  file: string;
  size: number;
  /** Monotonic ms. */
  grewAt: number;
}

/** A part is written at least every `partMs`; a disk that stalls longer than this is no longer recording. */
const GRACE_MS = 5000;
const SEGMENT = /^\d+-\d{6}\.mp4$/;

/**
 * Tells whether segments really are being written: MediaMTX reports no recorder state at all, and goes on being
 * "online" with a full disk.
 */
export class SegmentWatch {
  readonly #folder: string;
  readonly #staleMs: number;
  readonly #newest = new Map<string, Newest>();

  constructor(recordingsDir: string, partMs: number) {
    this.#folder = recordingsDir;
    this.#staleMs = 2 * partMs + GRACE_MS;
  }

  /** @param now monotonic ms */
  async isGrowing(id: string, now: number): Promise<boolean> {
    const folder = join(this.#folder, id);
    const folderStat = await statOrNone(folder);
    if (!folderStat) return false;
    let newest = this.#newest.get(id);
    if (!newest || newest.folderMtimeMs !== folderStat.mtimeMs) {
      const file = newestSegment(await readdir(folder));
      if (file === undefined) return false;
      if (file !== newest?.file) {
        // What was there before we came does not count until it grows.
        const size = newest ? 0 : ((await statOrNone(join(folder, file)))?.size ?? 0);
        newest = { folderMtimeMs: 0, file, size, grewAt: newest?.grewAt ?? Number.NEGATIVE_INFINITY };
      }
      newest.folderMtimeMs = folderStat.mtimeMs;
      this.#newest.set(id, newest);
    }
    const size = (await statOrNone(join(folder, newest.file)))?.size ?? 0;
    if (size > newest.size) newest.grewAt = now;
    newest.size = size;
    return now - newest.grewAt < this.#staleMs;
  }

  forget(id: string): void {
    this.#newest.delete(id);
  }
}

/** Names are epoch seconds: as long as they are equally long (until 2286), the greatest is the newest. */
function newestSegment(names: string[]): string | undefined {
  let newest: string | undefined;
  for (const name of names) if (SEGMENT.test(name) && (newest === undefined || name > newest)) newest = name;
  return newest;
}

async function statOrNone(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
