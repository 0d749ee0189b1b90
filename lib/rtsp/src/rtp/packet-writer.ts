import { RtspError } from '../types.ts';
import { RTP_HEADER_LENGTH } from './header.ts';

/** What all packets of a track have in common. */
export interface PacketOptions {
  payloadType: number;
  ssrc: number;
  /** Of the first packet; the caller draws it at random (RFC 3550 5.1). */
  sequenceNumber?: number;
  /** Bytes of the largest RTP packet, its header included; 1400 when not given. */
  mtu?: number;
}

/** Default bytes of an RTP packet: leaves room for IP, UDP and a tunnel in an Ethernet frame. */
export const DEFAULT_MTU = 1400;
const SMALLEST_MTU = 64;

/** Makes RTP packets with running sequence numbers. */
export class PacketWriter {
  /** Payload bytes that fit into one packet. */
  readonly maxPayload: number;
  readonly #payloadType: number;
  readonly #ssrc: number;
  #sequenceNumber: number;

  /** @throws RtspError `limit` for an MTU below 64 bytes. */
  constructor({ payloadType, ssrc, sequenceNumber = 0, mtu = DEFAULT_MTU }: PacketOptions) {
    if (mtu < SMALLEST_MTU) throw new RtspError('limit', `mtu is ${mtu}, less than ${SMALLEST_MTU}`);
    this.maxPayload = mtu - RTP_HEADER_LENGTH;
    this.#payloadType = payloadType & 0x7f;
    this.#ssrc = ssrc >>> 0;
    this.#sequenceNumber = sequenceNumber & 0xffff;
  }

  /** Sequence number of the next packet, as `RTP-Info` announces it. */
  get sequenceNumber(): number {
    return this.#sequenceNumber;
  }

  /** One packet with the parts as its payload. Copies. */
  write(timestamp: number, marker: boolean, parts: readonly Uint8Array[]): Buffer {
    const header = Buffer.allocUnsafe(RTP_HEADER_LENGTH);
    header.writeUInt8(0x80, 0);
    header.writeUInt8((marker ? 0x80 : 0) | this.#payloadType, 1);
    header.writeUInt16BE(this.#sequenceNumber, 2);
    header.writeUInt32BE(timestamp >>> 0, 4);
    header.writeUInt32BE(this.#ssrc, 8);
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    return Buffer.concat([header, ...parts]);
  }
}
