import type { VideoCodec } from '../types.ts';
import { addEmulationPrevention, removeEmulationPrevention } from './emulation.ts';
import { H264_NAL, H265_NAL, nalHeaderLength, nalType } from './nal.ts';

/** uuid_iso_iec_11578 of our frame numbers; drawn once, fixed for ever. */
const FRAME_NUMBER_UUID = Buffer.from('6f70656e6e7672b04e9ac3d1a27e5f08', 'hex');
/** payloadType of user_data_unregistered (H.264 D.1.1, H.265 D.2.1). */
const USER_DATA_UNREGISTERED = 5;
const PAYLOAD_LENGTH = FRAME_NUMBER_UUID.length + 8;
/** Bytes of one SEI NAL unit that are looked at; ours is far below and a camera's analytics may be far above. */
const SEI_BYTES = 64 * 1024;

/**
 * An SEI NAL unit (without start code) that numbers a frame, so that tests can count frames end to end.
 *
 * @param n 0 to 2^53 - 1.
 */
export function frameNumberSei(codec: VideoCodec, n: number): Buffer {
  const number = Buffer.alloc(8);
  number.writeBigUInt64BE(BigInt(n));
  const header = codec === 'h264' ? [H264_NAL.sei] : [H265_NAL.prefixSei << 1, 1];
  const message = [USER_DATA_UNREGISTERED, PAYLOAD_LENGTH, ...FRAME_NUMBER_UUID, ...number];
  return addEmulationPrevention(Uint8Array.from([...header, ...message, 0x80]));
}

/** The number {@link frameNumberSei} gave an access unit; undefined when there is none. Never throws. */
export function readFrameNumber(codec: VideoCodec, nalUnits: readonly Buffer[]): number | undefined {
  const seiType = codec === 'h264' ? H264_NAL.sei : H265_NAL.prefixSei;
  for (const nal of nalUnits) {
    if (nalType(codec, nal) !== seiType) continue;
    const rbsp = removeEmulationPrevention(nal.subarray(0, SEI_BYTES));
    const number = frameNumberIn(rbsp, nalHeaderLength(codec));
    if (number !== undefined) return number;
  }
  return undefined;
}

/** Walks the sei_messages (H.264 7.3.2.3.1, H.265 7.3.5) from byte `at` on. */
function frameNumberIn(rbsp: Buffer, at: number): number | undefined {
  // The last byte is rbsp_trailing_bits.
  while (at < rbsp.length - 1) {
    const type = extendedByte(rbsp, at);
    const size = extendedByte(rbsp, type.next);
    const end = size.next + size.value;
    if (end > rbsp.length) return undefined;
    if (type.value === USER_DATA_UNREGISTERED && size.value === PAYLOAD_LENGTH) {
      const numberAt = size.next + FRAME_NUMBER_UUID.length;
      if (rbsp.subarray(size.next, numberAt).equals(FRAME_NUMBER_UUID)) {
        const number = rbsp.readBigUInt64BE(numberAt);
        return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : undefined;
      }
    }
    at = end;
  }
  return undefined;
}

/** payloadType and payloadSize: each 0xff byte adds 255, the first other byte ends it. */
function extendedByte(rbsp: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  while (rbsp[at] === 0xff) {
    value += 255;
    at++;
  }
  return { value: value + (rbsp[at] ?? 0), next: at + 1 };
}
