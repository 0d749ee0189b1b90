import { describe, expect, test } from 'vitest';
import type { AssemblerMode } from '../src/index.ts';
import { gather, hex, packet } from './packets.ts';

const VPS = [0x40, 1, 0x0c];
const SPS = [0x42, 1, 1];
const PPS = [0x44, 1, 0xc0];
const SEI = [39 << 1, 1, 5, 1, 9, 0x80];
/** IDR_W_RADL (19); the first bit of the payload is first_slice_segment_in_pic_flag. */
const IDR = [19 << 1, 1, 0x88, 1, 2];
const IDR_SECOND_SLICE = [19 << 1, 1, 0x48, 3];
/** CRA (21) */
const CRA = [21 << 1, 1, 0x88, 4];
/** TRAIL_R (1) */
const P = [1 << 1, 1, 0x88, 5, 6];
const parameterSets = { vps: Buffer.from(VPS), sps: Buffer.from(SPS), pps: Buffer.from(PPS) };

const start = (mode: AssemblerMode, sets: object = { parameterSets }) =>
  gather({ codec: 'h265', mode, ...sets });
const sized = (nal: number[]) => [nal.length >> 8, nal.length & 0xff, ...nal];
const ap = (...nals: number[][]) => [48 << 1, 1, ...nals.flatMap(sized)];
/** FU of an IDR_W_RADL, temporal id 1; flags 0x80 start, 0x40 end. */
const fu = (flags: number, ...bytes: number[]) => [49 << 1, 1, flags | 19, ...bytes];
const bytesOf = (...nals: number[][]) => nals.map((nal) => Buffer.from(nal).toString('hex'));

describe('H.265', () => {
  test('all: single NAL units, AP and FU', () => {
    const { push, units, stats } = start('all', {});
    push(packet({ seq: 0, ts: 10 }, ap(VPS, SPS, PPS)));
    push(packet({ seq: 1, ts: 10 }, SEI));
    push(packet({ seq: 2, ts: 10 }, fu(0x80, 0x88)));
    push(packet({ seq: 3, ts: 10 }, fu(0, 1)));
    push(packet({ seq: 4, ts: 10, marker: true }, fu(0x40, 2)));
    push(packet({ seq: 5, ts: 20, marker: true }, P));
    expect(units.map((unit) => [hex(unit.nalUnits), unit.keyframe, unit.damaged])).toEqual([
      [bytesOf(VPS, SPS, PPS, SEI, IDR), true, false],
      [bytesOf(P), false, false],
    ]);
    expect(stats).toEqual({ packets: 6, lost: 0, late: 0, damaged: 0, malformed: 0, keyframes: 1 });
  });

  test('a fragmented NAL unit keeps layer and temporal id of its payload header', () => {
    const { push, units } = start('all');
    push(packet({ seq: 0, ts: 10 }, [(49 << 1) | 1, 0x8b, 0x80 | 1, 0x88]));
    push(packet({ seq: 1, ts: 10, marker: true }, [(49 << 1) | 1, 0x8b, 0x40 | 1, 7]));
    expect(hex(units[0]?.nalUnits ?? [])).toEqual(bytesOf([(1 << 1) | 1, 0x8b, 0x88, 7]));
  });

  test('keyframes: IDR with two slices, CRA; parameter sets of the description when none are in-band', () => {
    const { push, units, stats } = start('keyframes');
    push(packet({ seq: 0, ts: 10 }, IDR));
    push(packet({ seq: 1, ts: 10, marker: true }, IDR_SECOND_SLICE));
    push(packet({ seq: 2, ts: 20, marker: true }, P));
    push(packet({ seq: 3, ts: 30, marker: true }, CRA));
    expect(units.map((unit) => hex(unit.nalUnits))).toEqual([
      bytesOf(VPS, SPS, PPS, IDR, IDR_SECOND_SLICE),
      bytesOf(VPS, SPS, PPS, CRA),
    ]);
    expect(stats.keyframes).toBe(2);
  });

  test.each<[string, number[]]>([
    ['PACI', [50 << 1, 1, 0, 0, 1]],
    ['a reserved type', [63 << 1, 1, 0]],
    ['one byte', [0x26]],
    ['FU without payload', [49 << 1, 1, 0x93]],
    ['FU of an AP', [49 << 1, 1, 0x80 | 48, 1]],
    ['AP whose size lies', [48 << 1, 1, 0x40, 0, 1]],
    ['AP with one byte of a NAL unit', ap([0x26])],
  ])('%s is counted and dropped', (_name, payload) => {
    for (const mode of ['all', 'keyframes'] as const) {
      const { push, units, stats } = start(mode);
      push(packet({ seq: 0, ts: 10, marker: true }, IDR));
      push(packet({ seq: 1, ts: 20, marker: true }, payload));
      push(packet({ seq: 2, ts: 30, marker: true }, P));
      push(packet({ seq: 3, ts: 40, marker: true }, IDR));
      expect(stats).toMatchObject({ malformed: 1, lost: 0 });
      expect(units.at(-1)).toMatchObject({ rtpTimestamp: 40, damaged: false });
    }
  });
});
