import { SimulatedClock } from '@opennvr/service';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Breaker } from '../src/inference/breaker.ts';
import { Latencies } from '../src/inference/latencies.ts';
import { type CallEnd, type DropReason, Scheduler } from '../src/inference/scheduler.ts';
import type { StoredFrame } from '../src/types.ts';

let counter = 0;
function frame(cameraId: string, byteLength = 1000): StoredFrame {
  const number = ++counter;
  return {
    cameraId,
    number,
    uri: `opennvr://frames/camera_${cameraId}/frame_${number}.h264`,
    codec: 'h264',
    width: 640,
    height: 360,
    captureTimeMs: number,
    byteLength,
    annexB: Buffer.alloc(0),
  };
}

/** Camera → interval in ms, all of the same weight. */
const lanes = (cameras: Record<string, number>, weights: Record<string, number> = {}) =>
  new Map(
    Object.entries(cameras).map(
      ([id, intervalMs]) => [id, { intervalMs, weight: weights[id] ?? 1 }] as const,
    ),
  );

interface Call {
  frame: StoredFrame;
  done(end: CallEnd): void;
}

function setup(cameras: Record<string, number>, maxInFlight = 1, queueLength = 2) {
  const clock = new SimulatedClock();
  const calls: Call[] = [];
  const drops: { camera: string; reason: DropReason }[] = [];
  const scheduler = new Scheduler({
    clock,
    random: () => 0.5,
    start: (one, _, done) => calls.push({ frame: one, done }),
    onDrop: (camera, reason) => drops.push({ camera, reason }),
  });
  scheduler.limits = { maxInFlight, queueLength };
  scheduler.assign(lanes(cameras));
  scheduler.ready = true;
  return { clock, calls, scheduler, drops };
}

describe('the scheduler of one adapter', () => {
  it('drops the oldest frame of a camera, never blocks, and says how many', () => {
    const { calls, scheduler, drops } = setup({ a: 0 });
    const frames = Array.from({ length: 6 }, () => frame('a'));
    for (const one of frames) scheduler.offer(one);
    calls[0]?.done('ok');
    calls[1]?.done('ok');
    calls[2]?.done('ok');
    expect(calls.map((call) => call.frame)).toEqual([frames[0], frames[4], frames[5]]);
    expect(drops).toEqual(Array.from({ length: 3 }, () => ({ camera: 'a', reason: 'newer' })));
  });

  it('holds no more than 40 MiB of frames in calls, however many the adapter says it takes', () => {
    const cameras = Array.from({ length: 64 }, (_, at) => `c${at}`);
    const { calls, scheduler, drops } = setup(Object.fromEntries(cameras.map((id) => [id, 0])), 256);
    for (const id of cameras) scheduler.offer(frame(id, 7 * 1024 * 1024));
    expect(calls).toHaveLength(5);
    for (let at = 0; at < calls.length; at++) calls[at]?.done('ok');
    // Of the others only as many waited as may wait for all cameras together.
    expect(calls).toHaveLength(9);
    expect(drops).toHaveLength(55);
  });

  it('leaves an adapter alone at once when it breaks the contract', () => {
    const { clock, calls, scheduler } = setup({ a: 0 });
    scheduler.offer(frame('a'));
    calls[0]?.done('ok');
    scheduler.offer(frame('a'));
    calls[1]?.done('broken');
    expect(scheduler.breaker).toBe('open');
    scheduler.offer(frame('a'));
    expect(calls).toHaveLength(2);
    clock.advance(1000);
    expect(calls).toHaveLength(3);
    calls[2]?.done('broken');
    expect(scheduler.breaker).toBe('open');
    clock.advance(1400);
    expect(scheduler.breaker).toBe('open');
  });

  it('keeps the interval of each camera, and takes a new one without losing the turn', () => {
    const { clock, calls, scheduler } = setup({ a: 1000, b: 0 }, 1000);
    for (let ms = 0; ms < 10_000; ms += 100) {
      scheduler.offer(frame('a'));
      scheduler.offer(frame('b'));
      clock.advance(100);
    }
    const of = (camera: string) => calls.filter((call) => call.frame.cameraId === camera).length;
    expect([10, 11]).toContain(of('a'));
    expect(of('b')).toBe(100);
    scheduler.assign(lanes({ a: 100 }));
    for (let ms = 0; ms < 1000; ms += 100) {
      scheduler.offer(frame('a'));
      scheduler.offer(frame('b'));
      clock.advance(100);
    }
    expect(of('a')).toBeGreaterThanOrEqual(19);
    expect(of('b')).toBe(100);
  });

  it('gives a camera that asks a hundred times more no more than its turn', () => {
    const { calls, scheduler } = setup({ greedy: 0, modest: 0 });
    const served = { greedy: 0, modest: 0 };
    for (let round = 0; round < 100; round++) {
      scheduler.offer(frame('modest'));
      for (let i = 0; i < 100; i++) scheduler.offer(frame('greedy'));
      for (let i = 0; i < 2; i++) {
        const call = calls.shift();
        if (call) served[call.frame.cameraId as keyof typeof served]++;
        call?.done('ok');
      }
    }
    expect(served.modest).toBeGreaterThanOrEqual(99);
  });

  it('shares by weight where there is not enough for all', () => {
    const { calls, scheduler } = setup({});
    scheduler.assign(lanes({ heavy: 0, light: 0 }, { heavy: 3 }));
    const served = { heavy: 0, light: 0 };
    for (let round = 0; round < 400; round++) {
      scheduler.offer(frame('heavy'));
      scheduler.offer(frame('light'));
      const call = calls.shift();
      if (call) served[call.frame.cameraId as keyof typeof served]++;
      call?.done('ok');
    }
    expect(served.heavy / served.light).toBeCloseTo(3, 1);
  });

  it('saves up no turns for a camera that had nothing to ask', () => {
    const { calls, scheduler } = setup({ busy: 0, quiet: 0 });
    for (let round = 0; round < 1000; round++) {
      scheduler.offer(frame('busy'));
      calls.shift()?.done('ok');
    }
    const order: string[] = [];
    for (let round = 0; round < 10; round++) {
      scheduler.offer(frame('busy'));
      scheduler.offer(frame('quiet'));
      const call = calls.shift();
      order.push(call?.frame.cameraId ?? '');
      call?.done('ok');
    }
    expect(order.filter((camera) => camera === 'quiet').length).toBeLessThanOrEqual(6);
    expect(order).toContain('quiet');
  });

  it('bounds what waits for all cameras together; the one with the most gives way', () => {
    const cameras = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`c${at}`, 0]));
    const { scheduler, drops } = setup({ ...cameras, big: 0 }, 1, 10);
    scheduler.ready = false;
    for (const id of Object.keys(cameras)) scheduler.offer(frame(id, 1_500_000));
    for (let i = 0; i < 4; i++) scheduler.offer(frame('big', 1_900_000));
    const waited = scheduler.queued;
    expect(waited).toBeLessThan(24);
    expect(drops.length + waited).toBe(24);
    expect(new Set(drops.map(({ camera, reason }) => `${camera} ${reason}`))).toEqual(new Set(['big full']));
  });

  it('lets a camera rest whose frames alone fail, so that it opens the breaker for nobody', () => {
    const { clock, calls, scheduler } = setup({ poisoned: 0, good: 0 });
    const served = { poisoned: 0, good: 0 };
    for (let ms = 0; ms < 60_000; ms += 100) {
      for (let i = 0; i < 10; i++) scheduler.offer(frame('poisoned'));
      scheduler.offer(frame('good'));
      for (let call = calls.shift(); call; call = calls.shift()) {
        const { cameraId } = call.frame;
        served[cameraId as keyof typeof served]++;
        call.done(cameraId === 'good' ? 'ok' : 'failed');
      }
      expect(scheduler.breaker).toBe('closed');
      clock.advance(100);
    }
    expect(served.good).toBe(600);
    expect(served.poisoned).toBeLessThan(20);
    expect(served.poisoned).toBeGreaterThan(5);
  });

  it('probes with a camera that failed least', () => {
    const { clock, calls, scheduler } = setup({ poisoned: 0, good: 0 }, 2);
    for (let i = 0; i < 5; i++) {
      scheduler.offer(frame('poisoned'));
      calls.shift()?.done('failed');
    }
    expect(scheduler.breaker).toBe('open');
    scheduler.offer(frame('poisoned'));
    scheduler.offer(frame('good'));
    clock.advance(1000);
    expect(calls.map((call) => call.frame.cameraId)).toEqual(['good']);
  });

  it('keeps a pause that the adapter asks for, and says so', () => {
    const { clock, calls, scheduler } = setup({ a: 0 });
    scheduler.offer(frame('a'));
    scheduler.holdFor(3000);
    calls.shift()?.done('cancelled');
    scheduler.offer(frame('a'));
    expect(scheduler.hold).toEqual({ why: 'retry_after', ms: 3000 });
    clock.advance(2999);
    expect(calls).toHaveLength(0);
    clock.advance(1);
    expect(calls).toHaveLength(1);
    expect(scheduler.hold).toEqual({ why: '', ms: 0 });
  });

  it('gives an instance that takes over a clean slate and all its slots', () => {
    const { calls, scheduler } = setup({ a: 0 });
    for (let i = 0; i < 4; i++) {
      scheduler.offer(frame('a'));
      calls.shift()?.done('failed');
    }
    scheduler.offer(frame('a'));
    scheduler.offer(frame('a'));
    expect(calls).toHaveLength(1);
    scheduler.restart();
    expect(calls).toHaveLength(2);
    calls[0]?.done('broken');
    expect(scheduler).toMatchObject({ breaker: 'closed', failures: 0, inFlight: 1 });
  });

  it('calls nobody who is away, and goes on when the adapter is back', () => {
    const { calls, scheduler } = setup({ a: 0 });
    scheduler.ready = false;
    scheduler.offer(frame('a'));
    expect(calls).toHaveLength(0);
    scheduler.ready = true;
    expect(calls).toHaveLength(1);
  });

  it('bounds the bytes that wait for one camera', () => {
    const { calls, scheduler } = setup({ a: 0 }, 1, 100);
    for (let i = 0; i < 20; i++) scheduler.offer(frame('a', 3 * 1024 * 1024));
    scheduler.offer(frame('a', 16 * 1024 * 1024));
    for (let i = 0; i < calls.length; i++) calls[i]?.done('ok');
    expect(calls.length).toBeLessThanOrEqual(3);
    scheduler.offer(frame('a', 16 * 1024 * 1024));
    scheduler.offer(frame('a'));
    expect(calls.at(-1)?.frame.byteLength).toBe(1000);
  });

  it('forgets a camera that is taken away, together with what waits for it', () => {
    const { calls, scheduler, drops } = setup({ a: 0, b: 0 });
    for (const camera of ['a', 'b', 'b']) scheduler.offer(frame(camera));
    scheduler.assign(lanes({ a: 0 }));
    calls[0]?.done('ok');
    expect(calls).toHaveLength(1);
    expect(drops).toEqual(Array.from({ length: 2 }, () => ({ camera: 'b', reason: 'removed' })));
  });

  it('holds its promises under any order of events', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('offer' as const), camera: fc.constantFrom('a', 'b', 'c', 'x') }),
      fc.record({
        kind: fc.constant('end' as const),
        end: fc.constantFrom<CallEnd>('ok', 'failed', 'cancelled'),
      }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(5000) }),
      fc.record({ kind: fc.constant('ready' as const), ready: fc.boolean() }),
      fc.record({ kind: fc.constant('assign' as const), cameras: fc.subarray(['a', 'b', 'c']) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), fc.integer({ min: 1, max: 4 }), (events, max) => {
        const { clock, calls, scheduler, drops } = setup({ a: 0, b: 500, c: 0 }, max);
        let offered = 0;
        let started = 0;
        let ready = true;
        for (const one of events) {
          const before = calls.length;
          if (one.kind === 'offer') {
            offered++;
            scheduler.offer(frame(one.camera));
          } else if (one.kind === 'advance') clock.advance(one.ms);
          else if (one.kind === 'ready') {
            ready = one.ready;
            scheduler.ready = one.ready;
          } else if (one.kind === 'assign')
            scheduler.assign(lanes(Object.fromEntries(one.cameras.map((id) => [id, 0]))));
          else calls.shift()?.done(one.end);
          started += Math.max(0, calls.length - before + (one.kind === 'end' && before > 0 ? 1 : 0));
          expect(calls.length).toBeLessThanOrEqual(max);
          if (!ready) expect(calls.length).toBeLessThanOrEqual(before);
          expect(started + drops.length + scheduler.queued).toBeLessThanOrEqual(offered);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the breaker', () => {
  function breaker() {
    const clock = new SimulatedClock();
    let probes = 0;
    const it = new Breaker(
      clock,
      () => 1,
      () => {
        probes++;
      },
    );
    const fail = () => {
      it.started();
      it.failed();
    };
    return { clock, it, fail, probes: () => probes };
  }

  it('opens after five failures in a row, not after five among successes', () => {
    const { it: one, fail } = breaker();
    for (let i = 0; i < 20; i++) {
      for (let n = 0; n < 4; n++) fail();
      one.succeeded();
    }
    expect(one.state).toBe('closed');
    for (let n = 0; n < 5; n++) fail();
    expect(one.state).toBe('open');
    expect(one.allows).toBe(false);
  });

  it('lets one probe through, closes on success, doubles its pause on failure up to a minute', () => {
    const { clock, it: one, fail, probes } = breaker();
    for (let n = 0; n < 5; n++) fail();
    for (const pause of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      clock.advance(pause - 1);
      expect(one.state).toBe('open');
      clock.advance(1);
      expect(one.state).toBe('half_open');
      one.started();
      expect(one.allows).toBe(false);
      one.failed();
    }
    expect(probes()).toBe(8);
    clock.advance(60_000);
    one.started();
    one.succeeded();
    expect(one.state).toBe('closed');
    for (let n = 0; n < 5; n++) fail();
    clock.advance(1000);
    expect(one.state).toBe('half_open');
  });

  it('does not close on the late success of a call from before it opened', () => {
    const { it: one, fail } = breaker();
    one.started();
    for (let n = 0; n < 5; n++) fail();
    one.succeeded();
    expect(one.state).toBe('open');
  });

  it('probes again when a probe was cancelled', () => {
    const { clock, it: one, fail } = breaker();
    for (let n = 0; n < 5; n++) fail();
    clock.advance(1000);
    one.started();
    one.cancelled();
    expect(one.allows).toBe(true);
  });
});

describe('latencies', () => {
  it('are nearest-rank percentiles of the newest 1,024 samples', () => {
    const latencies = new Latencies();
    expect(latencies.percentiles(0.5, 0.99)).toEqual([0, 0]);
    for (let ms = 1; ms <= 100; ms++) latencies.add(ms);
    expect(latencies.percentiles(0.5, 0.99, 1)).toEqual([50, 99, 100]);
    for (let i = 0; i < 1024; i++) latencies.add(7);
    expect(latencies.percentiles(0.5, 1)).toEqual([7, 7]);
  });
});
