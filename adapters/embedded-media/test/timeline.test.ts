import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timeline } from '../src/timeline.ts';

describe('Timeline', () => {
  it('begins at arrival, then follows the camera and not the network', () => {
    const timeline = new Timeline(90_000, 1000);
    expect(timeline.at(5000, 1500)).toBe(50_000);
    expect(timeline.at(5000 + 3600, 1900)).toBe(54_000);
    // B-frames step back.
    expect(timeline.at(5000 + 1800, 1910)).toBe(52_000);
    // Held up for a minute on the way.
    expect(timeline.at(5000 + 7200, 61_910)).toBe(58_000);
  });

  it('goes on when the 32 bits wrap', () => {
    const timeline = new Timeline(90_000, 0);
    timeline.at(0xffff_ff00, 0);
    expect(timeline.at(0xffff_ff00 + 9000 - 2 ** 32, 100)).toBe(10_000);
  });

  it('goes on by our own clock where the camera sets its own', () => {
    const timeline = new Timeline(90_000, 0);
    timeline.at(0, 0);
    expect(timeline.at(90_000 * 60, 60_000)).toBe(6_000_000);
    expect(timeline.at(90_000 * 3600, 60_040)).toBe(6_004_000);
    expect(timeline.at(90_000 * 3600 + 3600, 60_080)).toBe(6_008_000);
    expect(timeline.at(0, 60_120)).toBe(6_012_000);
  });

  it('never moves further than ten seconds beyond what passed, whatever is sent', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(0xffff_ffff), { maxLength: 50 }), (stamps) => {
        const timeline = new Timeline(90_000, 0);
        const times = stamps.map((stamp, i) => timeline.at(stamp, i * 40));
        for (const [i, time] of times.entries())
          expect(Math.abs(time - (times[i - 1] ?? time))).toBeLessThanOrEqual(1_004_000);
      }),
    );
  });
});
