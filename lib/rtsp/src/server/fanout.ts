/** Somebody that takes bytes: true when they are not gone yet and must stay as they are. */
export interface ByteSink {
  write(bytes: Buffer): boolean;
}

/** '$', channel, 16 bit length (RFC 2326 10.12). */
const FRAME_HEADER = 4;
const MIN_CAPACITY = 8 * 1024;
/** One write takes no more than this. */
const MAX_BATCH = 64 * 1024;

/**
 * All interleaved readers of a stream that number their channels alike. What is sent within one turn of
 * the event loop is framed once, in one buffer, and written to each of them in one call.
 */
export class InterleavedFanout {
  /** Track → its RTP channel, -1 for a track that is not set up. */
  readonly #channels: readonly number[];
  readonly #sinks = new Set<ByteSink>();
  #batch: Buffer = Buffer.alloc(0);
  #length = 0;
  #scheduled = false;

  constructor(channels: readonly number[]) {
    this.#channels = channels;
  }

  get size(): number {
    return this.#sinks.size;
  }

  add(sink: ByteSink): void {
    this.flush();
    this.#sinks.add(sink);
  }

  delete(sink: ByteSink): void {
    this.#sinks.delete(sink);
  }

  /** Sends `buf[start, end)` on a track; `offset` 0 is its RTP channel, 1 its RTCP channel. */
  send(track: number, offset: 0 | 1, buf: Buffer, start: number, end: number): void {
    const channel = this.#channels[track] ?? -1;
    const length = end - start;
    if (channel < 0 || length > 0xffff) return;
    if (this.#length + FRAME_HEADER + length > MAX_BATCH) this.flush();
    this.#reserve(this.#length + FRAME_HEADER + length);
    const batch = this.#batch;
    const at = this.#length;
    batch[at] = 0x24;
    batch[at + 1] = channel + offset;
    batch[at + 2] = length >> 8;
    batch[at + 3] = length & 0xff;
    buf.copy(batch, at + FRAME_HEADER, start, end);
    this.#length = at + FRAME_HEADER + length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#batch.subarray(0, this.#length);
    this.#length = 0;
    let kept = false;
    for (const sink of this.#sinks) kept = sink.write(bytes) || kept;
    // A reader that has not taken it all still needs these very bytes.
    if (kept) this.#batch = Buffer.alloc(0);
  }

  #reserve(length: number): void {
    if (length <= this.#batch.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(MIN_CAPACITY, 2 ** Math.ceil(Math.log2(length))));
    this.#batch.copy(larger, 0, 0, this.#length);
    this.#batch = larger;
  }
}
