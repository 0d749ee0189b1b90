import { RtspError } from '../types.ts';
import type { PacketWriter } from './packet-writer.ts';

/** AU-headers-length (16 bit, in bits) and one AU-header of 13 bit size and 3 bit index. */
const HEADER_LENGTH = 4;
const MAX_FRAME = 8191;

/**
 * Packets of one AAC frame in mode AAC-hbr (RFC 3640 3.3.6: sizeLength=13, indexLength=3, indexDeltaLength=3).
 *
 * @param frame raw, without ADTS header.
 * @param rtpTimestamp 32 bit, in samples.
 * @throws RtspError `limit` for a frame longer than 8191 bytes, `protocol` for an empty one.
 */
export function packetizeAac(writer: PacketWriter, frame: Buffer, rtpTimestamp: number): Buffer[] {
  if (frame.length === 0) throw new RtspError('protocol', 'an AAC frame is empty');
  if (frame.length > MAX_FRAME) throw new RtspError('limit', `an AAC frame has ${frame.length} bytes`);
  // The size is the whole frame's, in every fragment of it (RFC 3640 3.2.3).
  const header = Buffer.from([0, 16, frame.length >> 5, (frame.length & 0x1f) << 3]);
  const room = writer.maxPayload - HEADER_LENGTH;
  const packets: Buffer[] = [];
  for (let at = 0; at < frame.length; at += room) {
    const end = Math.min(at + room, frame.length);
    packets.push(writer.write(rtpTimestamp, end === frame.length, [header, frame.subarray(at, end)]));
  }
  return packets;
}
