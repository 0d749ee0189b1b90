import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AccessUnitAssembler, Packetizer } from '../src/index.ts';

const parameterSets = { sps: Buffer.from([0x67, 66, 0, 30, 0x80]), pps: Buffer.from([0x68, 0x80]) };

/** An IDR slice of that many bytes, all of them `fill`. */
const idr = (bytes: number, fill: number) =>
  Buffer.concat([Buffer.from([0x65, 0x88]), Buffer.alloc(bytes, fill)]);

test('lent access units are the same as given ones, while they are valid', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50_000 }), { maxLength: 12 }), (sizes) => {
      const given: Buffer[][] = [];
      const lent: Buffer[][] = [];
      const options = { codec: 'h264', mode: 'keyframes', parameterSets } as const;
      const giver = new AccessUnitAssembler({
        ...options,
        onAccessUnit: (unit) => given.push(unit.nalUnits),
      });
      const lender = new AccessUnitAssembler({
        ...options,
        lend: true,
        onAccessUnit: (unit) => lent.push(unit.nalUnits.map((nal) => Buffer.from(nal))),
      });
      const packetizer = new Packetizer({ codec: 'h264', payloadType: 96, ssrc: 1, mtu: 1400 });
      sizes.forEach((size, n) => {
        for (const packet of packetizer.packetize([idr(size, n + 1)], n * 3600)) {
          giver.push(packet, 0, packet.length);
          lender.push(packet, 0, packet.length);
        }
      });
      expect(Buffer.concat(lent.flat()).equals(Buffer.concat(given.flat()))).toBe(true);
      expect(lent.map((nals) => nals.length)).toEqual(given.map((nals) => nals.length));
      expect(given).toHaveLength(sizes.length);
    }),
  );
});

test('lent memory is used again, and one huge picture does not keep it', () => {
  const memory: ArrayBufferLike[] = [];
  const assembler = new AccessUnitAssembler({
    codec: 'h264',
    mode: 'keyframes',
    parameterSets,
    lend: true,
    onAccessUnit: (unit) => memory.push(unit.nalUnits.at(-1)?.buffer as ArrayBufferLike),
  });
  const packetizer = new Packetizer({ codec: 'h264', payloadType: 96, ssrc: 1, mtu: 1400 });
  [10_000, 10_000, 9000, 4_000_000, 10_000, 10_000].forEach((size, n) => {
    for (const packet of packetizer.packetize([idr(size, 1)], n * 3600))
      assembler.push(packet, 0, packet.length);
  });
  expect(memory[1]).toBe(memory[0]);
  expect(memory[2]).toBe(memory[0]);
  expect(memory[3]?.byteLength).toBeGreaterThan(4_000_000);
  expect(memory[5]?.byteLength).toBeLessThan(100_000);
});
