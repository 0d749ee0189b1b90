import { describe, expect, test } from 'vitest';
import { ReorderBuffer, sequenceDelta, timestampDelta } from '../src/index.ts';
import { packet } from './packets.ts';

function setUp(window?: number) {
  const log: (number | string)[] = [];
  const reorder = new ReorderBuffer({
    ...(window === undefined ? {} : { window }),
    onPacket: (buf, start) => log.push(buf.readUInt16BE(start + 2)),
    onLost: (count) => log.push(`lost ${count}`),
  });
  const push = (...sequenceNumbers: number[]) => {
    for (const seq of sequenceNumbers) {
      const bytes = packet({ seq, ts: 0 }, [1]);
      reorder.push(bytes, 0, bytes.length);
      bytes.fill(0xdd);
    }
  };
  return { log, reorder, push };
}

describe('reorder buffer', () => {
  test('in sequence at once, early ones held, over the wrap', () => {
    const { log, push } = setUp();
    push(65_533, 65_535, 0, 2);
    expect(log).toEqual([65_533]);
    push(65_534);
    expect(log).toEqual([65_533, 65_534, 65_535, 0]);
    push(1);
    expect(log).toEqual([65_533, 65_534, 65_535, 0, 1, 2]);
  });

  test('copies are dropped, held or delivered', () => {
    const { log, push, reorder } = setUp();
    push(1, 1, 3, 3, 2, 2, 1);
    expect(log).toEqual([1, 2, 3]);
    expect(reorder.stats).toEqual({ received: 7, lost: 0, discarded: 4 });
  });

  test('a hole is given up when the window runs past it', () => {
    const { log, push } = setUp(4);
    push(10, 12, 13, 14);
    expect(log).toEqual([10]);
    push(15);
    expect(log).toEqual([10, 'lost 1', 12, 13, 14, 15]);
    push(11);
    expect(log.at(-1)).toBe(15);
  });

  test('a jump beyond the window gives up what lies between, in order', () => {
    const { log, push, reorder } = setUp(4);
    push(10, 12, 30);
    expect(log).toEqual([10, 'lost 1', 12, 'lost 14']);
    push(27, 28, 29);
    expect(log.slice(4)).toEqual([27, 28, 29, 30]);
    expect(reorder.stats.lost).toBe(15);
  });

  test('poll gives up a hole that was open at the poll before, not a fresh one', () => {
    const { log, push, reorder } = setUp();
    push(1, 3);
    reorder.poll();
    expect(log).toEqual([1]);
    push(5);
    reorder.poll();
    expect(log).toEqual([1, 'lost 1', 3]);
    reorder.poll();
    expect(log).toEqual([1, 'lost 1', 3, 'lost 1', 5]);
    reorder.poll();
    expect(log).toHaveLength(5);
  });

  test('one stray packet far off changes nothing, two in a row are a sender that starts over', () => {
    const { log, push } = setUp();
    push(100, 30_000, 101, 103);
    expect(log).toEqual([100, 101]);
    push(50_000, 50_001, 50_002);
    expect(log).toEqual([100, 101, 'lost 1', 103, 'lost 1', 50_001, 50_002]);
  });

  test('holds no more than the window, whatever comes', () => {
    const { push, reorder, log } = setUp(16);
    push(0);
    for (let seq = 2; seq < 200_000; seq += 2) push(seq & 0xffff);
    reorder.flush();
    expect(log.filter((entry) => typeof entry === 'number')).toHaveLength(100_000);
    const short = Buffer.alloc(3);
    reorder.push(short, 0, 3);
    expect(reorder.stats.received).toBe(100_000);
  });
});

test('wrapping differences', () => {
  expect(sequenceDelta(65_535, 0)).toBe(1);
  expect(sequenceDelta(0, 65_535)).toBe(-1);
  expect(sequenceDelta(0, 32_767)).toBe(32_767);
  expect(timestampDelta(0xffff_fff0, 0x10)).toBe(0x20);
  expect(timestampDelta(0x10, 0xffff_fff0)).toBe(-0x20);
});
