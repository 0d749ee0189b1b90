import { describe, expect, test } from 'vitest';
import { Packetizer, PacketWriter, packetizeAac, RtpHeader, RtspError, readRtpHeader } from '../src/index.ts';

const payload = (packet: Buffer): Buffer => packet.subarray(12);
const markers = (packets: Buffer[]) => packets.map((packet) => (packet[1] ?? 0) >= 0x80);

describe('video', () => {
  const sps = Buffer.from([0x67, 1, 2]);
  const pps = Buffer.from([0x48, 3]);
  const idr = Buffer.concat([Buffer.from([0x65]), Buffer.alloc(150, 5)]);

  test('H.264: STAP-A for parameter sets, FU-A for a slice, marker at the end', () => {
    const packetizer = new Packetizer({
      codec: 'h264',
      payloadType: 97,
      ssrc: 1,
      mtu: 100,
      sequenceNumber: 65_535,
    });
    const packets = packetizer.packetize([sps, pps, idr], 90_000);
    // The larger NRI of the two.
    expect(packets[0] && payload(packets[0])).toEqual(Buffer.from([0x78, 0, 3, ...sps, 0, 2, ...pps]));
    expect(packets.slice(1).map((packet) => [...payload(packet).subarray(0, 3)])).toEqual([
      [0x7c, 0x85, 5],
      [0x7c, 0x45, 5],
    ]);
    expect(markers(packets)).toEqual([false, false, true]);
    const header = new RtpHeader();
    expect(packets.every((packet) => readRtpHeader(packet, 0, packet.length, header))).toBe(true);
    expect(header).toMatchObject({ payloadType: 97, ssrc: 1, timestamp: 90_000, sequenceNumber: 1 });
    expect(packetizer.sequenceNumber).toBe(2);
  });

  test('a slice is never aggregated, however small', () => {
    const packetizer = new Packetizer({ codec: 'h264', payloadType: 97, ssrc: 1 });
    const slice = Buffer.from([0x65, 0x88]);
    const packets = packetizer.packetize([sps, pps, slice, slice], 0).map(payload);
    expect(packets.slice(1)).toEqual([slice, slice]);
    expect(packets[0]?.[0]).toBe(0x78);
  });

  test('H.265: AP with the lowest layer and temporal id, FU', () => {
    const packetizer = new Packetizer({ codec: 'h265', payloadType: 97, ssrc: 1, mtu: 100 });
    const vps = Buffer.from([0x40, 2, 9]);
    const slice = Buffer.concat([Buffer.from([0x26, 1]), Buffer.alloc(100, 5)]);
    const packets = packetizer.packetize([vps, Buffer.from([0x42, 1, 8]), slice], 0).map(payload);
    expect(packets[0]).toEqual(Buffer.from([0x60, 1, 0, 3, ...vps, 0, 3, 0x42, 1, 8]));
    expect(packets.slice(1).map((one) => [...one.subarray(0, 3)])).toEqual([
      [0x62, 1, 0x93],
      [0x62, 1, 0x53],
    ]);
  });

  test('not aggregated when told so, nor beyond the MTU', () => {
    const separate = new Packetizer({ codec: 'h264', payloadType: 97, ssrc: 1, aggregate: false });
    expect(separate.packetize([sps, pps, idr], 0)).toHaveLength(3);
    const narrow = new Packetizer({ codec: 'h264', payloadType: 97, ssrc: 1, mtu: 64 });
    const sei = Buffer.concat([Buffer.from([6]), Buffer.alloc(45)]);
    expect(narrow.packetize([sps, sei, pps], 0).map((packet) => packet.length - 12)).toEqual([3, 46, 2]);
  });

  test('refused: a NAL unit without header, an MTU that holds nothing', () => {
    const packetizer = new Packetizer({ codec: 'h265', payloadType: 97, ssrc: 1 });
    expect(() => packetizer.packetize([Buffer.from([0x26])], 0)).toThrow(RtspError);
    expect(() => new Packetizer({ codec: 'h264', payloadType: 97, ssrc: 1, mtu: 20 })).toThrow(RtspError);
  });
});

describe('AAC', () => {
  const writer = () => new PacketWriter({ payloadType: 98, ssrc: 2, mtu: 116 });

  test('one frame in one packet: AU-headers-length 16, size, index 0 (RFC 3640 3.2.1)', () => {
    const [packet, ...others] = packetizeAac(writer(), Buffer.alloc(77, 1), 1024);
    expect(others).toEqual([]);
    expect(packet && payload(packet)).toEqual(
      Buffer.concat([Buffer.from([0, 16, 0x02, 0x68]), Buffer.alloc(77, 1)]),
    );
    expect(packet && markers([packet])).toEqual([true]);
  });

  test('a frame larger than a packet: every fragment carries the whole size, the last the marker', () => {
    const packets = packetizeAac(writer(), Buffer.alloc(250, 1), 1024);
    expect(packets.map((packet) => payload(packet).readUInt16BE(2) >> 3)).toEqual([250, 250, 250]);
    expect(packets.map((packet) => payload(packet).length - 4)).toEqual([100, 100, 50]);
    expect(markers(packets)).toEqual([false, false, true]);
  });

  test('refused: nothing, and more than 13 bits can say', () => {
    expect(() => packetizeAac(writer(), Buffer.alloc(0), 0)).toThrow(RtspError);
    expect(() => packetizeAac(writer(), Buffer.alloc(8192), 0)).toThrow(RtspError);
  });
});
