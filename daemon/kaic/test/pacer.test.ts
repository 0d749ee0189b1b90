import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pacer } from '../src/pacer.ts';

describe('Pacer', () => {
  test('0 lets everything through', () => {
    const pacer = new Pacer(0);
    expect([0, 0, 1, 1].every((t) => pacer.take(t))).toBe(true);
  });

  test('a camera with jittery one-second keyframes loses none to an interval of one second', () => {
    const pacer = new Pacer(1000);
    const jitter = [0, -40, 30, -45, 45, 0, -20, 10, -40, 40];
    expect(jitter.filter((j, i) => pacer.take(i * 1000 + j))).toHaveLength(jitter.length);
  });

  test('a changed interval counts from the last frame', () => {
    const pacer = new Pacer(60_000);
    expect(pacer.take(0)).toBe(true);
    pacer.intervalMs = 1000;
    expect(pacer.take(800)).toBe(false);
    expect(pacer.take(1000)).toBe(true);
    pacer.intervalMs = 60_000;
    expect(pacer.take(2000)).toBe(false);
    expect(pacer.take(61_000)).toBe(true);
  });

  test('never closer than 90 % of the interval, nor more than one an interval in the long run', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 2, maxLength: 300 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 1, max: 5000 }), (steps, interval) => {
        const pacer = new Pacer(interval);
        let now = 0;
        const taken: number[] = [];
        for (const step of steps) {
          now += step;
          if (pacer.take(now)) taken.push(now);
        }
        for (let i = 1; i < taken.length; i++) {
          expect((taken[i] ?? 0) - (taken[i - 1] ?? 0)).toBeGreaterThanOrEqual(interval * 0.9 - 1e-6);
        }
        const span = (taken.at(-1) ?? 0) - (taken[0] ?? 0);
        expect(taken.length - 2).toBeLessThanOrEqual(span / interval);
      }),
    );
  });
});
