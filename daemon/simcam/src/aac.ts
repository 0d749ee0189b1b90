/** A loop of AAC frames. */
export interface AudioClip {
  /** AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1). */
  config: Buffer;
  sampleRate: number;
  channels: number;
  /** Raw access units of 1024 samples. */
  frames: Buffer[];
}

/** Bytes that are no ADTS stream. */
export class AdtsError extends Error {
  override name = 'AdtsError';
}

const SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
];
const HEADER = 7;

/**
 * Takes an ADTS stream apart (ISO/IEC 13818-7 6.2).
 *
 * @throws AdtsError at the first byte that does not fit.
 */
export function parseAdts(data: Buffer): AudioClip {
  const frames: Buffer[] = [];
  let clip: Omit<AudioClip, 'frames'> | undefined;
  for (let at = 0; at < data.length; ) {
    if (at + HEADER > data.length || data.readUInt16BE(at) >> 4 !== 0xfff) {
      throw new AdtsError(`byte ${at}: no ADTS header`);
    }
    const hasCrc = (data.readUInt8(at + 1) & 1) === 0;
    const fixed = data.readUInt16BE(at + 2);
    const length = (data.readUIntBE(at + 3, 3) >> 5) & 0x1fff;
    const header = hasCrc ? HEADER + 2 : HEADER;
    if (length < header || at + length > data.length)
      throw new AdtsError(`byte ${at}: frame of ${length} bytes`);
    clip ??= describe(fixed);
    frames.push(data.subarray(at + header, at + length));
    at += length;
  }
  if (!clip) throw new AdtsError('no frame');
  return { ...clip, frames };
}

function describe(fixed: number): Omit<AudioClip, 'frames'> {
  const objectType = (fixed >> 14) + 1;
  const rateIndex = (fixed >> 10) & 0xf;
  const channels = (fixed >> 6) & 0x7;
  const sampleRate = SAMPLE_RATES[rateIndex];
  if (sampleRate === undefined) throw new AdtsError(`sample rate index ${rateIndex}`);
  const config = Buffer.alloc(2);
  config.writeUInt16BE((objectType << 11) | (rateIndex << 7) | (channels << 3));
  return { config, sampleRate, channels };
}

/** Makes RTP packets of AAC frames: AAC-hbr, one frame a packet (RFC 3640 3.3.6). */
export class AacPacketizer {
  readonly #payloadType: number;
  readonly #ssrc: number;
  #sequence: number;

  constructor(options: { payloadType: number; ssrc: number; sequence: number }) {
    this.#payloadType = options.payloadType;
    this.#ssrc = options.ssrc;
    this.#sequence = options.sequence & 0xffff;
  }

  packetize(frame: Buffer, rtpTimestamp: number): Buffer {
    const packet = Buffer.allocUnsafe(16 + frame.length);
    packet.writeUInt8(0x80, 0);
    packet.writeUInt8(0x80 | this.#payloadType, 1);
    packet.writeUInt16BE(this.#sequence, 2);
    packet.writeUInt32BE(rtpTimestamp >>> 0, 4);
    packet.writeUInt32BE(this.#ssrc >>> 0, 8);
    // One AU header of 16 bits: 13 of size, 3 of index.
    packet.writeUInt16BE(16, 12);
    packet.writeUInt16BE(frame.length << 3, 14);
    frame.copy(packet, 16);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    return packet;
  }
}
