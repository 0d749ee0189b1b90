import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedClock, sleep, systemClock } from '../src/index.ts';

describe('the simulated clock', () => {
  it('fires timers in due order, ties in the order they were set', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 30 }), (delays) => {
        const clock = new SimulatedClock();
        const fired: { delay: number; order: number; at: number }[] = [];
        for (const [order, delay] of delays.entries()) {
          clock.after(delay, () => fired.push({ delay, order, at: clock.monotonic() }));
        }
        clock.advance(20);
        const expected = delays.map((delay, order) => ({ delay, order, at: delay }));
        expect(fired).toEqual(expected.sort((a, b) => a.delay - b.delay || a.order - b.order));
      }),
    );
  });

  it('fires timers that timers set, within the same advance', () => {
    const clock = new SimulatedClock();
    const at: number[] = [];
    const again = () => {
      at.push(clock.monotonic());
      if (at.length < 5) clock.after(10, again);
    };
    clock.after(10, again);
    clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
    clock.advance(100);
    expect(at).toEqual([10, 20, 30, 40, 50]);
  });

  it('forgets a cancelled timer', () => {
    const clock = new SimulatedClock();
    let fired = false;
    clock.after(5, () => {
      fired = true;
    })();
    clock.advance(10);
    expect(fired).toBe(false);
  });

  it('steps the wall without the monotonic time', () => {
    const clock = new SimulatedClock(1000);
    clock.stepWall(-600);
    clock.advance(50);
    expect([clock.now(), clock.monotonic()]).toEqual([450, 50]);
  });
});

describe('sleep', () => {
  it('ends when it is time', async () => {
    const clock = new SimulatedClock();
    let woke = false;
    const asleep = sleep(clock, 100).then(() => {
      woke = true;
    });
    clock.advance(99);
    await Promise.resolve();
    expect(woke).toBe(false);
    clock.advance(1);
    await asleep;
    expect(woke).toBe(true);
  });

  it('ends early, with the reason of the signal', async () => {
    const abort = new AbortController();
    const asleep = sleep(new SimulatedClock(), 100, abort.signal);
    abort.abort(new Error('the reason'));
    await expect(asleep).rejects.toThrow('the reason');
    await expect(sleep(systemClock, 100, abort.signal)).rejects.toThrow('the reason');
  });
});
