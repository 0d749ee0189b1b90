/** Samples in one AAC frame. */
const FRAME_SAMPLES = 1024;
/** AAC frames are at most 768 bytes a channel (ISO/IEC 14496-3 4.5.3.1); eight channels. */
const MAX_FRAME = 6144;

export interface AacFrame {
  data: Buffer;
  /** RTP timestamp of this frame. */
  rtpTimestamp: number;
}

/**
 * MPEG-4 AAC out of RTP payloads, mode AAC-hbr and AAC-lbr (RFC 3640 sections 3.2 and 3.3): several frames in a
 * packet, or one frame over several. What does not fit its own headers is dropped.
 */
export class AacDepacketizer {
  readonly #sizeBits: number;
  readonly #headerBits: number;
  #partial: { size: number; rtpTimestamp: number; length: number; chunks: Buffer[] } | undefined;

  constructor(fmtp: ReadonlyMap<string, string>) {
    const bits = (key: string, normal: number) => {
      const value = Number(fmtp.get(key) ?? normal);
      return Number.isInteger(value) && value >= 0 && value <= 16 ? value : normal;
    };
    this.#sizeBits = Math.max(1, bits('sizelength', 13));
    this.#headerBits = this.#sizeBits + bits('indexlength', 3);
  }

  /** Pieces held of a frame that is not complete yet; each has a byte at least. */
  get pending(): number {
    return this.#partial?.chunks.length ?? 0;
  }

  /** The payload of one RTP packet; the frames returned are copies. */
  push(payload: Buffer, rtpTimestamp: number): AacFrame[] {
    if (payload.length < 2) return [];
    const headers = Math.floor(payload.readUInt16BE(0) / this.#headerBits);
    let offset = 2 + Math.ceil(payload.readUInt16BE(0) / 8);
    if (headers === 0 || offset > payload.length) return [];
    const firstSize = this.#size(payload, 0);
    if (headers === 1 && firstSize > payload.length - offset) {
      return this.#fragment(payload.subarray(offset), firstSize, rtpTimestamp);
    }
    this.#partial = undefined;
    const frames: AacFrame[] = [];
    for (let i = 0; i < headers; i++) {
      const size = this.#size(payload, i);
      if (size === 0 || offset + size > payload.length) break;
      frames.push({
        data: Buffer.from(payload.subarray(offset, offset + size)),
        rtpTimestamp: (rtpTimestamp + i * FRAME_SAMPLES) >>> 0,
      });
      offset += size;
    }
    return frames;
  }

  #fragment(data: Buffer, size: number, rtpTimestamp: number): AacFrame[] {
    // Nothing at all would be kept as a piece for ever.
    if (size > MAX_FRAME || data.length === 0) return [];
    if (this.#partial?.rtpTimestamp !== rtpTimestamp || this.#partial.size !== size)
      this.#partial = { size, rtpTimestamp, length: 0, chunks: [] };
    const partial = this.#partial;
    partial.chunks.push(Buffer.from(data));
    partial.length += data.length;
    if (partial.length < size) return [];
    this.#partial = undefined;
    return partial.length === size ? [{ data: Buffer.concat(partial.chunks), rtpTimestamp }] : [];
  }

  #size(payload: Buffer, index: number): number {
    let value = 0;
    for (let bit = index * this.#headerBits, end = bit + this.#sizeBits; bit < end; bit++)
      value = (value << 1) | (((payload[2 + (bit >> 3)] ?? 0) >> (7 - (bit & 7))) & 1);
    return value;
  }
}
