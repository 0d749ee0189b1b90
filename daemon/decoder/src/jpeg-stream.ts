/** One complete JPEG, SOI to EOI. */
export interface Jpeg {
  data: Buffer;
  width: number;
  height: number;
}

/** What the decoder process wrote is no sequence of JPEGs. */
export class JpegStreamError extends Error {
  override name = 'JpegStreamError';
}

export const MAX_JPEG_BYTES = 32 * 1024 * 1024;

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
/** Start of frame: baseline, extended sequential, progressive (ISO/IEC 10918-1 table B.1). */
const SOF = new Set([0xc0, 0xc1, 0xc2]);

/**
 * Cuts a byte stream into JPEGs by walking their markers (ISO/IEC 10918-1 B.1), never by searching for EOI,
 * which may stand inside a segment. Holds at most one picture of at most 32 MiB.
 */
export class JpegStream {
  #buffer = Buffer.alloc(0);
  #used = 0;
  #at = 0;
  #inScan = false;
  #width = 0;
  #height = 0;

  /** Bytes that belong to a picture not yet complete. */
  get pending(): number {
    return this.#used;
  }

  /** @returns the pictures that `chunk` completes. @throws JpegStreamError; the stream is useless then. */
  push(chunk: Buffer): Jpeg[] {
    this.#append(chunk);
    const pictures: Jpeg[] = [];
    for (;;) {
      const end = this.#walk();
      if (end === undefined) return pictures;
      const data = Buffer.from(this.#buffer.subarray(0, end));
      pictures.push({ data, width: this.#width, height: this.#height });
      this.#buffer.copyWithin(0, end, this.#used);
      this.#used -= end;
      this.#at = 0;
      this.#width = 0;
    }
  }

  #append(chunk: Buffer): void {
    const needed = this.#used + chunk.length;
    if (needed > MAX_JPEG_BYTES) throw new JpegStreamError('a picture is larger than 32 MiB');
    if (needed > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(needed, Math.min(MAX_JPEG_BYTES, this.#buffer.length * 2), 65_536));
      this.#buffer.copy(grown, 0, 0, this.#used);
      this.#buffer = grown;
    }
    chunk.copy(this.#buffer, this.#used);
    this.#used = needed;
  }

  /** Walks on from where the last call stopped; the offset behind EOI once it is there. */
  #walk(): number | undefined {
    for (;;) {
      if (this.#inScan && !this.#skipEntropyCoded()) return undefined;
      if (this.#at + 2 > this.#used) return undefined;
      const marker = this.#buffer[this.#at + 1] ?? 0;
      if (this.#buffer[this.#at] !== 0xff) throw new JpegStreamError('no marker where one must stand');
      if ((this.#at === 0) !== (marker === SOI)) throw new JpegStreamError('SOI is missing or misplaced');
      if (marker === SOI) {
        this.#at = 2;
      } else if (marker === EOI) {
        if (this.#width === 0) throw new JpegStreamError('EOI before any frame header');
        return this.#at + 2;
      } else if (!this.#segment(marker)) {
        return undefined;
      }
    }
  }

  #segment(marker: number): boolean {
    if (this.#at + 4 > this.#used) return false;
    const length = this.#buffer.readUInt16BE(this.#at + 2);
    if (length < 2) throw new JpegStreamError('a segment is shorter than its length field');
    if (this.#at + 2 + length > this.#used) return false;
    if (SOF.has(marker)) {
      if (length < 8) throw new JpegStreamError('the frame header is too short');
      this.#height = this.#buffer.readUInt16BE(this.#at + 5);
      this.#width = this.#buffer.readUInt16BE(this.#at + 7);
      if (this.#width === 0 || this.#height === 0) throw new JpegStreamError('the picture has no size');
    }
    this.#inScan = marker === SOS;
    this.#at += 2 + length;
    return true;
  }

  /** To the next marker that is neither a stuffed byte nor a restart; false when more bytes are needed. */
  #skipEntropyCoded(): boolean {
    const readable = this.#buffer.subarray(0, this.#used);
    for (;;) {
      const ff = readable.indexOf(0xff, this.#at);
      if (ff < 0 || ff + 1 >= this.#used) {
        this.#at = ff < 0 ? this.#used : ff;
        return false;
      }
      const next = readable[ff + 1] ?? 0;
      if (next === 0 || (next >= 0xd0 && next <= 0xd7)) {
        this.#at = ff + 2;
      } else {
        this.#at = ff;
        this.#inScan = false;
        return true;
      }
    }
  }
}
