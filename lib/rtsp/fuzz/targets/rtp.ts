import type { FuzzTarget } from '@opennvr/tests/fuzz';
import {
  AccessUnitAssembler,
  type AssemblerMode,
  LIMITS,
  Packetizer,
  PacketWriter,
  ReorderBuffer,
  type VideoCodec,
} from '../../src/index.ts';
import { magnitude, promise } from '../outcome.ts';

/** Flags of one record of the input: `flags, length (16 bit), bytes`. Most mutations leave the RTP header alone. */
const RECORD = { marker: 1, nextTimestamp: 2, skipSequence: 4, repeat: 8, wholePacket: 16 } as const;

const NAL_UNITS: Record<VideoCodec, number[][]> = {
  h264: [
    [0x67, 66, 0, 30, 0x80],
    [0x68, 0x80],
    [0x06, 5, 1, 9, 0x80],
    [0x65, 0x88, ...Array(150).fill(7)],
    [0x65, 0x44, 3],
  ],
  h265: [
    [0x40, 1, 12],
    [0x42, 1, 1],
    [0x44, 1, 0xc0],
    [0x4e, 1, 5, 1, 9, 0x80],
    [0x26, 1, 0x88, ...Array(150).fill(7)],
    [0x26, 1, 0x48, 3],
  ],
};

/** A keyframe and two other pictures in small packets, as records. */
function recordsOf(codec: VideoCodec): Buffer {
  const packetizer = new Packetizer({ codec, payloadType: 96, ssrc: 1, mtu: 64 });
  const other = Buffer.from(
    codec === 'h264' ? [0x41, 0x9a, ...Array(90).fill(5)] : [2, 1, 0x88, ...Array(90).fill(5)],
  );
  const pictures = [NAL_UNITS[codec].map((nal) => Buffer.from(nal)), [other], [other]];
  const records = pictures.flatMap((nalUnits, picture) =>
    packetizer.packetize(nalUnits, picture).map((packet, i) => {
      const marker = (packet[1] ?? 0) & 0x80 ? RECORD.marker : 0;
      const flags = marker | (i === 0 ? RECORD.nextTimestamp : 0);
      return Buffer.concat([Buffer.from([flags, 0, packet.length - 12]), packet.subarray(12)]);
    }),
  );
  return Buffer.concat(records);
}

/** RTP packets out of an input of records. */
function* packetsOf(input: Buffer): Generator<Buffer> {
  let sequenceNumber = 65_530;
  let timestamp = 0xffff_ff00;
  for (let at = 0; at + 3 <= input.length; ) {
    const flags = input.readUInt8(at);
    const end = Math.min(at + 3 + input.readUInt16BE(at + 1), input.length);
    const bytes = input.subarray(at + 3, end);
    at = end;
    if (flags & RECORD.wholePacket) {
      yield Buffer.from(bytes);
      continue;
    }
    if (flags & RECORD.nextTimestamp) timestamp += 90;
    if (flags & RECORD.skipSequence) sequenceNumber++;
    if (flags & RECORD.repeat) sequenceNumber -= 2;
    const writer = new PacketWriter({ payloadType: 96, ssrc: 1, sequenceNumber, mtu: 65_535 });
    sequenceNumber++;
    yield writer.write(timestamp, (flags & RECORD.marker) !== 0, [bytes]);
  }
}

function assemble(codec: VideoCodec, mode: AssemblerMode, input: Buffer): string {
  let told = mode as string;
  const assembler = new AccessUnitAssembler({
    codec,
    mode,
    lend: mode === 'keyframes',
    onAccessUnit({ nalUnits, keyframe, damaged }) {
      const bytes = nalUnits.reduce((sum, nal) => sum + nal.length, 0);
      promise(
        nalUnits.length > 0 && nalUnits.every((nal) => nal.length > 0),
        'an empty access unit or NAL unit',
      );
      promise(bytes <= LIMITS.accessUnit + 300_000, `an access unit of ${bytes} bytes`);
      promise(mode === 'all' || (keyframe && !damaged), 'a keyframe that is none, or damaged');
      told += ` ${nalUnits.length}${keyframe ? 'K' : ''}${damaged ? 'D' : ''}`;
    },
  });
  const reorder = new ReorderBuffer({
    window: 4,
    onPacket: (buf, start, end) => assembler.push(buf, start, end),
  });
  // Half of the inputs go through the reorder buffer, as over UDP.
  const reordered = input.length % 2 === 1;
  for (const packet of packetsOf(input)) {
    if (reordered) reorder.push(packet, 0, packet.length);
    else assembler.push(packet, 0, packet.length);
    packet.fill(0xdd);
  }
  reorder.flush();
  const { lost, late, damaged, malformed, keyframes } = assembler.stats;
  return `${told.slice(0, 60)} ${[lost, late, damaged, malformed, keyframes].map(magnitude).join(',')}`;
}

const rtpTarget = (name: string, codec: VideoCodec): FuzzTarget => ({
  name,
  seeds: [recordsOf(codec), ...NAL_UNITS[codec].map((nal) => Buffer.from([3, 0, nal.length, ...nal]))],
  dictionary: NAL_UNITS[codec].map((nal) => Buffer.from(nal).subarray(0, 8)),
  run: (input) => `${assemble(codec, 'all', input)} / ${assemble(codec, 'keyframes', input)}`,
});

export const rtpTargets = [rtpTarget('rtp-h264', 'h264'), rtpTarget('rtp-h265', 'h265')];
