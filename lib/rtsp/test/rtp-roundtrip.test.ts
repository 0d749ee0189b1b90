import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AccessUnit,
  AccessUnitAssembler,
  Packetizer,
  ReorderBuffer,
  RtpHeader,
  readRtpHeader,
  type VideoCodec,
} from '../src/index.ts';
import { hex } from './packets.ts';

interface Coded {
  keyframe: boolean;
  nalUnits: Buffer[];
}

const SETS = {
  h264: { sps: Buffer.from([0x67, 66, 0, 30, 0x80]), pps: Buffer.from([0x68, 0x80]) },
  h265: {
    vps: Buffer.from([0x40, 1, 0x0c]),
    sps: Buffer.from([0x42, 1, 1]),
    pps: Buffer.from([0x44, 1, 0xc0]),
  },
};

/** A NAL unit of `type`; `first` marks the first slice of a picture. */
const nal = (codec: VideoCodec, type: number, first: boolean, length: number, fill: number): Buffer => {
  const header = codec === 'h264' ? [0x60 | type] : [type << 1, 1];
  return Buffer.concat([Buffer.from([...header, first ? 0x88 : 0x48]), Buffer.alloc(length, fill)]);
};

/** A picture of one to three slices, some with SEI; keyframes all bring their parameter sets. */
const picture = (codec: VideoCodec): fc.Arbitrary<Coded> =>
  fc
    .record({
      keyframe: fc.boolean(),
      sei: fc.boolean(),
      slices: fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.nat(255)), {
        minLength: 1,
        maxLength: 3,
      }),
    })
    .map(({ keyframe, sei, slices }) => {
      const type = codec === 'h264' ? (keyframe ? 5 : 1) : keyframe ? 19 : 1;
      const before = sei ? [nal(codec, codec === 'h264' ? 6 : 39, false, 3, 9)] : [];
      const coded = slices.map(([length, fill], i) => nal(codec, type, i === 0, length, fill));
      return { keyframe, nalUnits: [...(keyframe ? Object.values(SETS[codec]) : []), ...before, ...coded] };
    });

const stream = (codec: VideoCodec) => ({
  pictures: fc.array(picture(codec), { minLength: 1, maxLength: 12 }),
  mtu: fc.integer({ min: 64, max: 300 }),
  sequenceNumber: fc.constantFrom(0, 65_500, 65_535, 32_760),
  aggregate: fc.boolean(),
});

const packetize = (
  codec: VideoCodec,
  pictures: Coded[],
  options: { mtu: number; sequenceNumber: number; aggregate: boolean },
) => {
  const packetizer = new Packetizer({ codec, payloadType: 96, ssrc: 7, ...options });
  // Timestamps that wrap.
  return pictures.map(({ nalUnits }, i) => packetizer.packetize(nalUnits, 0xffff_f000 + i * 3000));
};

const assembler = (codec: VideoCodec, mode: 'all' | 'keyframes') => {
  const units: AccessUnit[] = [];
  return {
    units,
    assembler: new AccessUnitAssembler({ codec, mode, onAccessUnit: (unit) => units.push(unit) }),
  };
};

describe.each<VideoCodec>(['h264', 'h265'])('%s', (codec) => {
  test('every access unit comes back, all and keyframes, within the MTU', () => {
    fc.assert(
      fc.property(fc.record(stream(codec)), ({ pictures, ...options }) => {
        const all = assembler(codec, 'all');
        const keyframes = assembler(codec, 'keyframes');
        for (const bytes of packetize(codec, pictures, options).flat()) {
          expect(bytes.length).toBeLessThanOrEqual(options.mtu);
          all.assembler.push(bytes, 0, bytes.length);
          keyframes.assembler.push(bytes, 0, bytes.length);
        }
        expect(all.units.map((unit) => hex(unit.nalUnits))).toEqual(pictures.map((one) => hex(one.nalUnits)));
        const expected = pictures.filter((one) => one.keyframe);
        expect(keyframes.units.map((unit) => hex(unit.nalUnits))).toEqual(
          expected.map((one) => hex(one.nalUnits)),
        );
        for (const { stats } of [all.assembler, keyframes.assembler]) {
          expect(stats).toMatchObject({
            lost: 0,
            late: 0,
            damaged: 0,
            malformed: 0,
            keyframes: expected.length,
          });
        }
      }),
    );
  });

  test('shuffled within the window and doubled: the reorder buffer makes it whole', () => {
    fc.assert(
      fc.property(
        fc.record(stream(codec)),
        fc.infiniteStream(fc.nat(15)),
        ({ pictures, ...options }, jitter) => {
          const packets = packetize(codec, pictures, options).flat();
          const sent = packets
            .flatMap((bytes, i) =>
              i % 5 === 4
                ? [
                    { bytes, i },
                    { bytes, i },
                  ]
                : [{ bytes, i }],
            )
            // The first stays first: what comes before it counts as late.
            .map(({ bytes, i }) => ({ bytes, at: i === 0 ? -1 : i + (jitter.next().value ?? 0) }))
            .sort((a, b) => a.at - b.at);
          const { units, assembler: all } = assembler(codec, 'all');
          const reorder = new ReorderBuffer({ onPacket: (buf, start, end) => all.push(buf, start, end) });
          for (const { bytes } of sent) reorder.push(bytes, 0, bytes.length);
          reorder.flush();
          expect(units.map((unit) => hex(unit.nalUnits))).toEqual(pictures.map((one) => hex(one.nalUnits)));
          expect(reorder.stats).toMatchObject({ lost: 0, discarded: sent.length - packets.length });
          expect(all.stats).toMatchObject({ lost: 0, damaged: 0, malformed: 0 });
        },
      ),
    );
  });

  test('with loss: what comes undamaged is what was sent, and every loss is counted', () => {
    fc.assert(
      fc.property(
        fc.record(stream(codec)),
        fc.infiniteStream(fc.nat(9)),
        ({ pictures, ...options }, dice) => {
          const packets = packetize(codec, pictures, options);
          const flat = packets.flat();
          const arrives = flat.map((_, i) => i === 0 || i === flat.length - 1 || dice.next().value !== 0);
          const all = assembler(codec, 'all');
          const keyframes = assembler(codec, 'keyframes');
          for (const [i, bytes] of flat.entries()) {
            if (!arrives[i]) continue;
            all.assembler.push(bytes, 0, bytes.length);
            keyframes.assembler.push(bytes, 0, bytes.length);
          }
          const sent = new Map(
            pictures.map((one, i) => [(0xffff_f000 + i * 3000) % 2 ** 32, hex(one.nalUnits)]),
          );
          for (const unit of [...all.units.filter((one) => !one.damaged), ...keyframes.units]) {
            expect(hex(unit.nalUnits)).toEqual(sent.get(unit.rtpTimestamp));
          }
          const lost = arrives.filter((arrived) => !arrived).length;
          expect(all.assembler.stats).toMatchObject({ lost, malformed: 0 });
          expect(keyframes.assembler.stats).toMatchObject({ lost, malformed: 0 });
          // A picture none of whose packets is missing, nor the one before them, comes whole.
          let at = 0;
          for (const [i, own] of packets.entries()) {
            const from = Math.max(at - 1, 0);
            at += own.length;
            if (!arrives.slice(from, at).every(Boolean)) continue;
            const timestamp = (0xffff_f000 + i * 3000) % 2 ** 32;
            expect(all.units.find((unit) => unit.rtpTimestamp === timestamp)?.damaged).toBe(false);
            if (pictures[i]?.keyframe)
              expect(keyframes.units.some((unit) => unit.rtpTimestamp === timestamp)).toBe(true);
          }
        },
      ),
    );
  });

  test('mutated and random packets never throw, and what is emitted stays in bounds', () => {
    const mutation = fc.record({ packet: fc.nat(), at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.record(stream(codec)),
        fc.array(mutation, { maxLength: 30 }),
        fc.array(fc.uint8Array()),
        ({ pictures, ...options }, mutations, noise) => {
          const packets = packetize(codec, pictures, options).flat();
          for (const { packet, at, byte } of mutations) {
            const target = packets[packet % packets.length];
            if (target) target[at % target.length] = byte;
          }
          for (const mode of ['all', 'keyframes'] as const) {
            const { units, assembler: under } = assembler(codec, mode);
            for (const bytes of [...packets, ...noise.map((one) => Buffer.from(one))])
              under.push(bytes, 0, bytes.length);
            for (const unit of units) {
              expect(unit.nalUnits.length).toBeGreaterThan(0);
              if (mode === 'keyframes') expect(unit).toMatchObject({ keyframe: true, damaged: false });
            }
          }
        },
      ),
    );
  });
});

describe('RTP header', () => {
  const full = Buffer.from([
    0xb2, 0xe0, 0xff, 0xfe, 0x80, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef, 1, 1, 1, 1, 2, 2, 2, 2, 0xbe, 0xde, 0, 1,
    9, 9, 9, 9, 42, 43, 0, 2,
  ]);

  test('CSRCs, extension and padding are no payload', () => {
    const header = new RtpHeader();
    const at = Buffer.concat([Buffer.from([1, 2]), full, Buffer.from([3])]);
    expect(readRtpHeader(at, 2, 2 + full.length, header)).toBe(true);
    expect(header).toEqual({
      marker: true,
      payloadType: 96,
      sequenceNumber: 0xfffe,
      timestamp: 0x8000_0001,
      ssrc: 0xdead_beef,
      payloadStart: 30,
      payloadEnd: 32,
    });
  });

  test('refused when truncated anywhere before the payload, or when the padding is too long', () => {
    const header = new RtpHeader();
    const unpadded = Buffer.from(full);
    unpadded[0] = 0x92;
    for (let length = 0; length < 28; length++)
      expect(readRtpHeader(unpadded, 0, length, header)).toBe(false);
    for (const padding of [0, 5, 200]) {
      const padded = Buffer.from(full);
      padded[full.length - 1] = padding;
      expect(readRtpHeader(padded, 0, padded.length, header)).toBe(false);
    }
    expect(readRtpHeader(full, 0, full.length + 1, header)).toBe(false);
  });

  test('any bytes: the payload lies inside the packet', () => {
    const header = new RtpHeader();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 80 }), (bytes) => {
        bytes[0] = 0x80 | ((bytes[0] ?? 0) & 0x3f);
        if (!readRtpHeader(bytes, 0, bytes.length, header)) return;
        expect(header.payloadStart).toBeGreaterThanOrEqual(12);
        expect(header.payloadStart).toBeLessThanOrEqual(header.payloadEnd);
        expect(header.payloadEnd).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
