import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AacDepacketizer } from '../src/aac.ts';

const HBR = new Map([
  ['sizelength', '13'],
  ['indexlength', '3'],
]);

/** One payload of RFC 3640 section 3.2.1 with these frames. */
function payload(frames: Buffer[], sizes = frames.map((frame) => frame.length)): Buffer {
  const head = Buffer.alloc(2 + 2 * frames.length);
  head.writeUInt16BE(frames.length * 16);
  for (const [i, size] of sizes.entries()) head.writeUInt16BE(size << 3, 2 + 2 * i);
  return Buffer.concat([head, ...frames]);
}

describe('AacDepacketizer', () => {
  it('takes several frames out of one packet, 1024 samples apart', () => {
    const frames = [Buffer.from('one'), Buffer.from('second'), Buffer.from('3')];
    const found = new AacDepacketizer(HBR).push(payload(frames), 0xffff_fff0);
    expect(found.map((f) => f.data.toString())).toEqual(['one', 'second', '3']);
    expect(found.map((f) => f.rtpTimestamp)).toEqual([0xffff_fff0, 1008, 2032]);
  });

  it('joins one frame out of several packets, and drops one whose beginning is missing', () => {
    const aac = new AacDepacketizer(HBR);
    expect(aac.push(payload([Buffer.alloc(100, 1)], [250]), 7)).toEqual([]);
    expect(aac.push(payload([Buffer.alloc(100, 2)], [250]), 7)).toEqual([]);
    expect(aac.push(payload([Buffer.alloc(50, 3)], [250]), 7)).toMatchObject([{ rtpTimestamp: 7 }]);
    expect(aac.push(payload([Buffer.alloc(50, 3)], [250]), 8)).toEqual([]);
    expect(aac.push(payload([Buffer.from('next')]), 1032)).toHaveLength(1);
  });

  it('keeps nothing of pieces that are empty', () => {
    const aac = new AacDepacketizer(HBR);
    for (let i = 0; i < 10_000; i++) aac.push(payload([Buffer.alloc(0)], [250]), 7);
    expect(aac.pending).toBe(0);
    aac.push(payload([Buffer.alloc(249)], [250]), 7);
    expect(aac.pending).toBe(1);
    expect(aac.push(payload([Buffer.alloc(1)], [250]), 7)).toHaveLength(1);
  });

  it('never throws, and gives out no more than it was given', () => {
    const settings = fc.record({ sizelength: fc.string(), indexlength: fc.string() });
    fc.assert(
      fc.property(settings, fc.array(fc.uint8Array({ maxLength: 2000 })), (fmtp, packets) => {
        const aac = new AacDepacketizer(new Map(Object.entries(fmtp)));
        let given = 0;
        let got = 0;
        for (const packet of packets) {
          given += packet.length;
          for (const frame of aac.push(Buffer.from(packet), 0)) got += frame.data.length;
        }
        expect(got).toBeLessThanOrEqual(given);
      }),
    );
  });
});
