import { describe, expect, test } from 'vitest';
import { type AssemblerMode, LIMITS } from '../src/index.ts';
import { gather, hex, packet } from './packets.ts';

const SPS = [0x67, 66, 0, 30, 0x80];
const PPS = [0x68, 0x80];
const SEI = [0x06, 5, 1, 9, 0x80];
/** First slices: the payload's first bit says first_mb_in_slice 0. */
const IDR = [0x65, 0x88, 1, 2, 3];
const IDR_SECOND_SLICE = [0x65, 0x44, 4, 5];
const P = [0x41, 0x9a, 6, 7];
const parameterSets = { sps: Buffer.from(SPS), pps: Buffer.from(PPS) };

const start = (mode: AssemblerMode, sets: object = { parameterSets }) =>
  gather({ codec: 'h264', mode, ...sets });
const sized = (nal: number[]) => [nal.length >> 8, nal.length & 0xff, ...nal];
const stap = (...nals: number[][]) => [0x78, ...nals.flatMap(sized)];
/** FU-A of an IDR; flags 0x80 start, 0x40 end. */
const fu = (flags: number, ...bytes: number[]) => [0x7c, flags | 5, ...bytes];
const fuP = (flags: number, ...bytes: number[]) => [0x5c, flags | 1, ...bytes];
const bytesOf = (...nals: number[][]) => nals.map((nal) => Buffer.from(nal).toString('hex'));

describe('whole pictures', () => {
  test('all: single NAL units, STAP-A and FU-A, each picture at its marker', () => {
    const { push, units, stats } = start('all');
    push(packet({ seq: 65_534, ts: 10 }, stap(SPS, PPS, SEI)));
    push(packet({ seq: 65_535, ts: 10 }, fu(0x80, 0x88, 1)));
    push(packet({ seq: 0, ts: 10 }, fu(0, 2)));
    push(packet({ seq: 1, ts: 10, marker: true }, fu(0x40, 3)));
    push(packet({ seq: 2, ts: 20, marker: true }, P));
    expect(units.map((unit) => [hex(unit.nalUnits), unit.keyframe, unit.rtpTimestamp, unit.damaged])).toEqual(
      [
        [bytesOf(SPS, PPS, SEI, IDR), true, 10, false],
        [bytesOf(P), false, 20, false],
      ],
    );
    expect(stats).toEqual({ packets: 5, lost: 0, late: 0, damaged: 0, malformed: 0, keyframes: 1 });
  });

  test('a lost marker: the next timestamp ends the picture', () => {
    const { push, units } = start('all');
    push(packet({ seq: 0, ts: 10 }, IDR));
    push(packet({ seq: 1, ts: 20 }, P));
    push(packet({ seq: 2, ts: 30, marker: true }, P));
    expect(units.map((unit) => unit.rtpTimestamp)).toEqual([10, 20, 30]);
  });

  test.each<AssemblerMode>(['all', 'keyframes'])(
    '%s: several slices of one IDR are one access unit',
    (mode) => {
      const { push, units } = start(mode);
      push(packet({ seq: 0, ts: 10 }, IDR));
      push(packet({ seq: 1, ts: 10, marker: true }, IDR_SECOND_SLICE));
      expect(units).toHaveLength(1);
      expect(hex(units[0]?.nalUnits ?? [])).toEqual(bytesOf(SPS, PPS, IDR, IDR_SECOND_SLICE));
    },
  );

  test('an IDR field followed by the other field of the same frame is one access unit', () => {
    const { push, units } = start('keyframes');
    push(packet({ seq: 0, ts: 10 }, IDR));
    push(packet({ seq: 1, ts: 10, marker: true }, P));
    expect(hex(units[0]?.nalUnits ?? [])).toEqual(bytesOf(SPS, PPS, IDR, P));
  });

  test('parameter sets and SEI with a marker or a timestamp of their own belong to the picture after them', () => {
    for (const mode of ['all', 'keyframes'] as const) {
      const { push, units } = start(mode, {});
      push(packet({ seq: 0, ts: 5, marker: true }, SPS));
      push(packet({ seq: 1, ts: 6 }, PPS));
      push(packet({ seq: 2, ts: 10 }, SEI));
      push(packet({ seq: 3, ts: 10, marker: true }, IDR));
      expect(units.map((unit) => hex(unit.nalUnits))).toEqual([bytesOf(SPS, PPS, SEI, IDR)]);
      expect(units[0]?.rtpTimestamp).toBe(10);
    }
  });

  test('a NAL unit without FU end bit is whole when no packet is missing', () => {
    const { push, units, stats } = start('keyframes');
    push(packet({ seq: 0, ts: 10 }, fu(0x80, 0x88)));
    push(packet({ seq: 1, ts: 10, marker: true }, fu(0, 1, 2, 3)));
    expect(hex(units[0]?.nalUnits ?? [])).toEqual(bytesOf(SPS, PPS, IDR));
    expect(stats.malformed).toBe(0);
  });

  test('what was emitted does not change later', () => {
    const { push, units } = start('all', {});
    for (let seq = 0; seq < 40; seq++)
      push(packet({ seq, ts: seq, marker: true }, [0x41, 0x80, ...Array(seq * 100).fill(seq)]));
    expect(units).toHaveLength(40);
    for (const [seq, unit] of units.entries()) {
      expect(unit.nalUnits[0]).toEqual(Buffer.from([0x41, 0x80, ...Array(seq * 100).fill(seq)]));
    }
  });
});

describe('keyframes only', () => {
  test('only keyframes come, with their SEI, and want skips them', () => {
    const { push, units, stats, assembler } = start('keyframes');
    let seq = 0;
    const gop = (ts: number) => {
      push(packet({ seq: seq++, ts }, SEI));
      push(packet({ seq: seq++, ts, marker: true }, IDR));
      push(packet({ seq: seq++, ts: ts + 1 }, SEI));
      push(packet({ seq: seq++, ts: ts + 1 }, fuP(0x80, 0x9a)));
      push(packet({ seq: seq++, ts: ts + 1, marker: true }, fuP(0x40, 6, 7)));
      push(packet({ seq: seq++, ts: ts + 2, marker: true }, stap(SEI, P)));
    };
    gop(10);
    assembler.want = false;
    gop(20);
    assembler.want = true;
    gop(30);
    expect(units.map((unit) => unit.rtpTimestamp)).toEqual([10, 30]);
    expect(hex(units[1]?.nalUnits ?? [])).toEqual(bytesOf(SPS, PPS, SEI, IDR));
    expect(stats).toMatchObject({ keyframes: 3, damaged: 0, malformed: 0, lost: 0 });
  });

  test('want taken back while a keyframe arrives: it does not come', () => {
    const { push, units, stats, assembler } = start('keyframes');
    push(packet({ seq: 0, ts: 10 }, IDR));
    assembler.want = false;
    push(packet({ seq: 1, ts: 10, marker: true }, IDR_SECOND_SLICE));
    assembler.want = true;
    push(packet({ seq: 2, ts: 20, marker: true }, IDR));
    expect(units.map((unit) => unit.rtpTimestamp)).toEqual([20]);
    expect(stats).toMatchObject({ keyframes: 2, damaged: 0 });
  });

  test('in-band parameter sets count from then on, a delimiter stays first', () => {
    const { push, units } = start('keyframes');
    const newSps = [0x67, 66, 0, 40, 0x80, 1];
    push(packet({ seq: 0, ts: 10 }, stap([0x09, 0xf0], newSps)));
    push(packet({ seq: 1, ts: 10, marker: true }, IDR));
    push(packet({ seq: 2, ts: 20, marker: true }, IDR));
    expect(units.map((unit) => hex(unit.nalUnits))).toEqual([
      bytesOf([0x09, 0xf0], newSps, PPS, IDR),
      bytesOf(newSps, PPS, IDR),
    ]);
  });

  test('without parameter sets nothing comes: nobody could decode it', () => {
    const { push, units, stats } = start('keyframes', {});
    push(packet({ seq: 0, ts: 10, marker: true }, IDR));
    expect(units).toEqual([]);
    expect(stats.damaged).toBe(1);
  });
});

describe('loss', () => {
  const fragments = [fu(0x80, 0x88), fu(0, 1), fu(0, 2), fu(0x40, 3)];

  test.each([0, 1, 2, 3])(
    'keyframes: packet %i of a keyframe lost, it does not come, the next does',
    (lost) => {
      const { push, units, stats } = start('keyframes');
      push(packet({ seq: 99, ts: 5, marker: true }, P));
      for (const [i, payload] of fragments.entries()) {
        if (i !== lost) push(packet({ seq: 100 + i, ts: 10, marker: i === 3 }, payload));
      }
      push(packet({ seq: 104, ts: 20, marker: true }, P));
      push(packet({ seq: 105, ts: 30, marker: true }, IDR));
      expect(units.map((unit) => unit.rtpTimestamp)).toEqual([30]);
      expect(stats).toMatchObject({ lost: 1, damaged: 1, malformed: 0 });
    },
  );

  test.each([0, 1, 2, 3])('all: packet %i of a keyframe lost, it comes as damaged', (lost) => {
    const { push, units, stats } = start('all');
    push(packet({ seq: 99, ts: 5, marker: true }, P));
    for (const [i, payload] of [...fragments.slice(0, 3), fu(0, 9)].entries()) {
      if (i !== lost) push(packet({ seq: 100 + i, ts: 10 }, payload));
    }
    push(packet({ seq: 104, ts: 10, marker: true }, IDR_SECOND_SLICE));
    push(packet({ seq: 105, ts: 20, marker: true }, P));
    expect(units.map((unit) => [unit.rtpTimestamp, unit.damaged])).toEqual([
      [5, false],
      [10, true],
      [20, false],
    ]);
    expect(hex(units[1]?.nalUnits ?? []).at(-1)).toBe(bytesOf(IDR_SECOND_SLICE)[0]);
    expect(stats).toMatchObject({ lost: 1, damaged: 1, malformed: 0 });
  });

  test('all: a keyframe of which only a stump of an SPS is left does not come empty', () => {
    const { push, units, stats } = start('all', {});
    push(packet({ seq: 0, ts: 5, marker: true }, P));
    push(packet({ seq: 1, ts: 10 }, stap([0x67])));
    push(packet({ seq: 2, ts: 10 }, fu(0x80, 0x88)));
    push(packet({ seq: 4, ts: 20, marker: true }, P));
    expect(units.map((unit) => unit.rtpTimestamp)).toEqual([5, 20]);
    expect(units.every((unit) => unit.nalUnits.length > 0)).toBe(true);
    expect(stats).toMatchObject({ lost: 1, damaged: 2 });
  });

  test('joined in the middle of a picture: nobody’s loss', () => {
    for (const mode of ['all', 'keyframes'] as const) {
      const { push, units, stats } = start(mode);
      push(packet({ seq: 7, ts: 10 }, fu(0, 1)));
      push(packet({ seq: 8, ts: 10, marker: true }, fu(0x40, 2)));
      push(packet({ seq: 9, ts: 20, marker: true }, IDR));
      expect(units.map((unit) => unit.rtpTimestamp)).toEqual([20]);
      expect(stats).toMatchObject({ lost: 0, damaged: 0, malformed: 0 });
    }
  });

  test('late packets are dropped; a sender that starts over is followed', () => {
    const { push, units, stats } = start('all');
    push(packet({ seq: 1000, ts: 10, marker: true }, IDR));
    push(packet({ seq: 1000, ts: 10, marker: true }, IDR));
    push(packet({ seq: 990, ts: 9, marker: true }, P));
    expect(stats).toMatchObject({ late: 2, lost: 0 });
    push(packet({ seq: 3, ts: 90, marker: true }, IDR));
    push(packet({ seq: 4, ts: 91, marker: true }, P));
    expect(units.map((unit) => [unit.rtpTimestamp, unit.damaged])).toEqual([
      [10, false],
      [90, true],
      [91, false],
    ]);
    expect(stats.lost).toBe(1);
  });
});

describe('what breaks the format is counted and dropped', () => {
  const bad: [string, number[]][] = [
    ['type 0', [0x60, 1, 2]],
    ['type 30', [0x7e, 1, 2]],
    ['STAP-B', [0x79, 0, 0, ...sized(P)]],
    ['MTAP16', [0x7a, 0, 0, 0, 5, 0, 0, 0, 0x41, 0x9a]],
    ['FU-B', [0x7d, 0x81, 0, 0, 1]],
    ['FU-A without payload', [0x7c, 0x85]],
    ['FU-A of a STAP-A', [0x7c, 0x80 | 24, 1, 2]],
    ['STAP-A whose size lies', [0x78, 0xff, 0xff, 0x65, 0x88]],
    ['STAP-A with half a size', [0x78, ...sized(SEI), 0]],
    ['STAP-A in a STAP-A', stap(stap(P))],
    ['STAP-A with an empty NAL unit', stap([])],
    ['empty payload', []],
  ];
  test.each(bad)('%s', (_name, payload) => {
    for (const mode of ['all', 'keyframes'] as const) {
      const { push, units, stats } = start(mode);
      push(packet({ seq: 0, ts: 5, marker: true }, IDR));
      push(packet({ seq: 1, ts: 10, marker: true }, payload));
      push(packet({ seq: 2, ts: 20, marker: true }, P));
      push(packet({ seq: 3, ts: 30, marker: true }, IDR));
      expect(stats).toMatchObject({ malformed: 1, lost: 0 });
      expect(units.at(-1)).toMatchObject({ rtpTimestamp: 30, damaged: false });
    }
  });

  test('a fragment without start, in sequence', () => {
    const { push, units, stats } = start('keyframes');
    push(packet({ seq: 0, ts: 5, marker: true }, P));
    push(packet({ seq: 1, ts: 10 }, fu(0, 1)));
    push(packet({ seq: 2, ts: 10, marker: true }, fu(0x40, 2)));
    expect(units).toEqual([]);
    expect(stats).toMatchObject({ malformed: 1, damaged: 1 });
  });

  test('a keyframe that lacks its first slice', () => {
    const { push, units, stats } = start('keyframes');
    push(packet({ seq: 0, ts: 5, marker: true }, P));
    push(packet({ seq: 1, ts: 10, marker: true }, IDR_SECOND_SLICE));
    expect(units).toEqual([]);
    expect(stats.damaged).toBe(1);
  });

  test('no RTP at all', () => {
    const { push, stats } = start('all');
    push(Buffer.alloc(0));
    push(Buffer.alloc(40));
    push(packet({ seq: 0, ts: 0 }, P).subarray(0, 11));
    expect(stats).toMatchObject({ packets: 0, malformed: 3 });
  });

  test.each<AssemblerMode>(['all', 'keyframes'])(
    '%s: a picture beyond 16 MiB is given up, the next comes',
    (mode) => {
      const { push, units, stats } = start(mode);
      const chunk = Buffer.alloc(60_000, 0x55);
      const count = Math.ceil(LIMITS.accessUnit / chunk.length) + 20;
      push(packet({ seq: 0, ts: 10 }, fu(0x80, 0x88)));
      for (let i = 1; i <= count; i++) push(packet({ seq: i, ts: 10 }, [0x7c, 5], chunk));
      push(packet({ seq: count + 1, ts: 20, marker: true }, IDR));
      expect(units.map((unit) => unit.rtpTimestamp)).toEqual([20]);
      expect(stats).toMatchObject({ malformed: 1, damaged: 1, lost: 0 });
    },
  );

  test.each<AssemblerMode>(['all', 'keyframes'])(
    '%s: a picture of more than 4096 NAL units is given up',
    (mode) => {
      const { push, units, stats } = start(mode);
      for (let i = 0; i <= LIMITS.nalUnits; i++) push(packet({ seq: i, ts: 10 }, IDR));
      push(packet({ seq: LIMITS.nalUnits + 1, ts: 20, marker: true }, IDR));
      expect(units.map((unit) => unit.rtpTimestamp)).toEqual([20]);
      expect(stats).toMatchObject({ malformed: 1, damaged: 1 });
    },
  );

  test('SEI for ever, no picture: bounded', () => {
    const { push, units, stats } = start('keyframes');
    for (let i = 0; i < 10_000; i++) push(packet({ seq: i, ts: i, marker: true }, SEI));
    push(packet({ seq: 10_000, ts: 20_000, marker: true }, IDR));
    push(packet({ seq: 10_001, ts: 20_001, marker: true }, IDR));
    expect(stats.malformed).toBeGreaterThan(0);
    expect(units.at(-1)?.rtpTimestamp).toBe(20_001);
  });
});
