import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/** `<unix seconds>-<microseconds>.mp4`: sorts by time until the year 2286. */
export function segmentName(wallMicros: number): string {
  const seconds = Math.floor(wallMicros / 1_000_000);
  return `${seconds}-${String(wallMicros % 1_000_000).padStart(6, '0')}.mp4`;
}

/** One segment being written. Whatever has been written so far is a playable file. */
export class SegmentFile {
  readonly path: string;
  readonly #file: FileHandle;
  #size = 0;
  /** Size after the initialization part: a file this small holds no media. */
  #headerSize = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Creates the file; a name that is taken (the wall clock was set back) moves on by microseconds. */
  static async create(folder: string, wallMs: number, init: Buffer): Promise<SegmentFile> {
    await mkdir(folder, { recursive: true, mode: 0o2770 });
    for (let micros = Math.round(wallMs * 1000); ; micros++) {
      const path = join(folder, segmentName(micros));
      try {
        const segment = new SegmentFile(path, await open(path, 'wx', 0o660));
        await segment.append(init);
        segment.#headerSize = init.length;
        return segment;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  get size(): number {
    return this.#size;
  }

  async append(data: Buffer): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await this.#file.write(data, done, data.length - done, this.#size + done);
      done += bytesWritten;
    }
    this.#size += data.length;
  }

  /** Takes back everything from `size` on, also what a failed write left. */
  async truncate(size: number): Promise<void> {
    await this.#file.truncate(size);
    this.#size = size;
  }

  /** A segment without media is removed. */
  async close(): Promise<void> {
    await this.#file.close();
    if (this.#size <= this.#headerSize) await unlink(this.path);
  }
}
