import { isSliceType, nalHeaderLength, nalTypeOf } from '../bitstream/nal.ts';
import { RtspError, type VideoCodec } from '../types.ts';
import { byteAt } from './byte.ts';
import { type PacketOptions, PacketWriter } from './packet-writer.ts';
import { FU_A, STAP_A } from './payload-h264.ts';
import { AP, FU } from './payload-h265.ts';

export interface PacketizerOptions extends PacketOptions {
  codec: VideoCodec;
  /** Put small NAL units before a picture (parameter sets, SEI) together in one packet; true when not given. */
  aggregate?: boolean;
}

/** Bytes before each NAL unit in an aggregation packet. */
const SIZE_LENGTH = 2;

/** Access units in, RTP packets out: single NAL unit, aggregation and fragmentation packets of RFC 6184 and RFC 7798. */
export class Packetizer {
  readonly #codec: VideoCodec;
  readonly #aggregate: boolean;
  readonly #writer: PacketWriter;
  readonly #headerLength: number;

  constructor({ codec, aggregate = true, ...packet }: PacketizerOptions) {
    this.#codec = codec;
    this.#aggregate = aggregate;
    this.#writer = new PacketWriter(packet);
    this.#headerLength = nalHeaderLength(codec);
  }

  /** Sequence number of the next packet. */
  get sequenceNumber(): number {
    return this.#writer.sequenceNumber;
  }

  /**
   * Packets of one access unit, the last with the marker bit.
   *
   * @param nalUnits without start codes, decoding order.
   * @param rtpTimestamp 32 bit, 90 kHz.
   * @throws RtspError `protocol` for a NAL unit shorter than its header.
   */
  packetize(nalUnits: readonly Buffer[], rtpTimestamp: number): Buffer[] {
    const packets: Buffer[] = [];
    let i = 0;
    while (i < nalUnits.length) {
      const group = this.#group(nalUnits, i);
      i += group.length;
      const last = i === nalUnits.length;
      const [nal] = group;
      if (group.length > 1) {
        packets.push(this.#writer.write(rtpTimestamp, last, this.#aggregation(group)));
      } else if (nal && nal.length <= this.#writer.maxPayload) {
        packets.push(this.#writer.write(rtpTimestamp, last, [nal]));
      } else if (nal) {
        this.#fragment(packets, nal, rtpTimestamp, last);
      }
    }
    return packets;
  }

  /** The NAL units from `from` on that share one packet: slices never do, the others as many as fit. */
  #group(nalUnits: readonly Buffer[], from: number): Buffer[] {
    const group: Buffer[] = [];
    let length = this.#headerLength;
    for (const nal of nalUnits.slice(from)) {
      if (nal.length < this.#headerLength) {
        throw new RtspError('protocol', 'a NAL unit is shorter than its header');
      }
      length += SIZE_LENGTH + nal.length;
      const alone = !this.#aggregate || isSliceType(this.#codec, nalTypeOf(this.#codec, byteAt(nal, 0)));
      if (group.length > 0 && (alone || length > this.#writer.maxPayload)) break;
      group.push(nal);
      if (alone) break;
    }
    return group;
  }

  /** STAP-A (RFC 6184 5.7.1) or AP (RFC 7798 4.4.2). */
  #aggregation(group: readonly Buffer[]): Buffer[] {
    const parts = [this.#codec === 'h264' ? stapHeader(group) : apHeader(group)];
    for (const nal of group) {
      const size = Buffer.allocUnsafe(SIZE_LENGTH);
      size.writeUInt16BE(nal.length);
      parts.push(size, nal);
    }
    return parts;
  }

  /** FU-A (RFC 6184 5.8) or FU (RFC 7798 4.4.3). */
  #fragment(packets: Buffer[], nal: Buffer, rtpTimestamp: number, last: boolean): void {
    const first = byteAt(nal, 0);
    const type = nalTypeOf(this.#codec, first);
    const indicator =
      this.#codec === 'h264' ? [(first & 0xe0) | FU_A] : [(first & 0x81) | (FU << 1), byteAt(nal, 1)];
    const room = this.#writer.maxPayload - indicator.length - 1;
    for (let at = this.#headerLength; at < nal.length; at += room) {
      const end = Math.min(at + room, nal.length);
      const isEnd = end === nal.length;
      const flags = (at === this.#headerLength ? 0x80 : 0) | (isEnd ? 0x40 : 0);
      const header = Uint8Array.from([...indicator, flags | type]);
      packets.push(this.#writer.write(rtpTimestamp, last && isEnd, [header, nal.subarray(at, end)]));
    }
  }
}

/** F is set when any has it, NRI is the largest of all (RFC 6184 5.7). */
function stapHeader(group: readonly Buffer[]): Buffer {
  let forbidden = 0;
  let importance = 0;
  for (const nal of group) {
    forbidden |= byteAt(nal, 0) & 0x80;
    importance = Math.max(importance, byteAt(nal, 0) & 0x60);
  }
  return Buffer.from([forbidden | importance | STAP_A]);
}

/** F is set when any has it, LayerId and TID are the lowest of all (RFC 7798 4.4.2). */
function apHeader(group: readonly Buffer[]): Buffer {
  let forbidden = 0;
  let layer = 63;
  let temporal = 7;
  for (const nal of group) {
    const second = byteAt(nal, 1);
    forbidden |= byteAt(nal, 0) & 0x80;
    layer = Math.min(layer, ((byteAt(nal, 0) & 1) << 5) | (second >> 3));
    temporal = Math.min(temporal, second & 7);
  }
  return Buffer.from([forbidden | (AP << 1) | (layer >> 5), ((layer & 0x1f) << 3) | temporal]);
}
