import { frameNumberSei, Packetizer, readFrameNumber, splitAnnexB, type Track } from '@opennvr/rtsp';
import { SimulatedClock } from '@opennvr/service';
import { describe, expect, it } from 'vitest';
import { Demuxer } from '../src/demuxer.ts';

const track: Track = {
  index: 0,
  kind: 'video',
  codec: 'h264',
  payloadType: 96,
  clockRate: 90_000,
  channels: 0,
  control: '',
  fmtp: new Map(),
  parameterSets: {
    sps: Buffer.from('6742c00ad90041', 'hex'),
    pps: Buffer.from('68ce3880', 'hex'),
  },
};

/** Numbered pictures of one slice in many packets; `lose` says which packets of which frame do not arrive. */
function numbersOf(lose: (frame: number, packet: number, of: number) => boolean): (number | undefined)[] {
  const numbers: (number | undefined)[] = [];
  const demuxer = new Demuxer([track], new SimulatedClock(), {
    onVideo: (_, { data }) => numbers.push(readFrameNumber('h264', splitAnnexB(data))),
    onAudio: () => undefined,
  });
  const packetizer = new Packetizer({ codec: 'h264', payloadType: 96, ssrc: 1, mtu: 100 });
  for (let frame = 0; frame < 5; frame++) {
    const slice = Buffer.alloc(500, 0x88);
    slice[0] = frame === 0 ? 0x65 : 0x41;
    const packets = packetizer.packetize([frameNumberSei('h264', frame), slice], frame * 3600);
    for (const [at, packet] of packets.entries())
      if (!lose(frame, at, packets.length)) demuxer.push(track, packet, 0, packet.length);
  }
  return numbers;
}

describe('pictures out of packets', () => {
  it('are all there when nothing is lost', () => {
    expect(numbersOf(() => false)).toEqual([0, 1, 2, 3, 4]);
  });

  it('are none when only the number arrived: a stump is no picture to record or to show', () => {
    expect(numbersOf((frame, packet) => frame === 2 && packet === 3)).toEqual([0, 1, 3, 4]);
    expect(numbersOf((frame, packet, of) => frame === 2 && packet > 0 && packet < of - 1)).toEqual([
      0, 1, 3, 4,
    ]);
  });
});
