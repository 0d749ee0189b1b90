import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

/** Beyond this, what has been read is cut off; the file is on tmpfs. */
const KEEP_BYTES = 1024 * 1024;
const READ_BYTES = 64 * 1024;
const MAX_LINE = 8192;

/**
 * Follows a file that MediaMTX appends to. A pipe would tie its life to ours: once we are gone, its next log line
 * would be its last.
 */
export class LogTail {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(READ_BYTES);
  #offset: number;
  #rest = '';

  /** Starts at the end: older lines were another run's. */
  constructor(path: string) {
    this.#fd = openSync(path, 'a+', 0o600);
    this.#offset = fstatSync(this.#fd).size;
  }

  /** For the child's standard output and error: append mode, so that cutting the file off moves nobody's position. */
  get fd(): number {
    return this.#fd;
  }

  /** New complete lines, at most 64 KiB of them; a longer line than 8 KiB is cut. */
  read(): string[] {
    const { size } = fstatSync(this.#fd);
    if (size < this.#offset) this.#offset = 0;
    if (size === this.#offset) return [];
    const bytes = readSync(this.#fd, this.#buffer, 0, READ_BYTES, this.#offset);
    this.#offset += bytes;
    if (this.#offset > KEEP_BYTES && this.#offset >= size) {
      ftruncateSync(this.#fd, 0);
      this.#offset = 0;
    }
    const lines = (this.#rest + this.#buffer.toString('utf8', 0, bytes)).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    return lines.filter((line) => line !== '').map((line) => line.slice(0, MAX_LINE));
  }

  close(): void {
    closeSync(this.#fd);
  }
}
