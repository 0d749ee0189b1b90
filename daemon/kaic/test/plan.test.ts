import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Assignment, Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_PLAN, mergePlans } from '../src/plan/merge.ts';
import { PlanFile } from '../src/plan/plan-file.ts';
import { validatePlan } from '../src/plan/validate.ts';
import { canMount, scratch, tmpfs } from './support.ts';

const adapter = {
  name: 'motion',
  socketPath: '/run/m.sock',
  deadline: undefined,
  maxInFlight: 0,
  queueLength: 0,
  view: '',
  assignments: [],
};
const camera = { cameraId: 'door', interval: { seconds: 1, nanos: 5e8 }, weight: 0 };
const assignment = Assignment.fromPartial({ cameraId: 'door' });
const night = { weekdays: [], startMinute: 1320, endMinute: 360 };
/** One adapter with one assignment. */
const assigned = (change: Partial<Assignment>) =>
  plan({ adapters: [{ ...adapter, assignments: [{ ...assignment, ...change }] }] });
const plan = (changes: Partial<Plan>): Plan => ({ cameras: [camera], adapters: [adapter], ...changes });

describe('validatePlan', () => {
  test('spells out units and defaults', () => {
    expect(validatePlan(assigned({}))).toEqual({
      taps: [{ cameraId: 'door', intervalMs: 1500, weight: 1, watched: true }],
      adapters: [
        {
          name: 'motion',
          socketPath: '/run/m.sock',
          deadlineMs: 5000,
          maxInFlight: 0,
          queueLength: 2,
          view: 'motion',
          assignments: [
            {
              cameraId: 'door',
              intervalMs: 0,
              region: undefined,
              minimumSize: { w: 0, h: 0 },
              activeHours: undefined,
            },
          ],
        },
      ],
    });
  });

  test('an assignment for every camera has them watched, one for another camera does not', () => {
    expect(validatePlan(assigned({ cameraId: '' })).taps).toMatchObject([{ watched: true }]);
    expect(validatePlan(assigned({ cameraId: 'yard' })).taps).toMatchObject([{ watched: false }]);
  });

  // biome-ignore format: a line a case
  const wrong: [string, Plan][] = [
    ['plan.cameras', plan({ cameras: Array.from({ length: 257 }, (_, n) => ({ ...camera, cameraId: `c${n}` })) })],
    ['plan.cameras[0].camera_id', plan({ cameras: [{ ...camera, cameraId: '../etc' }] })],
    ['plan.cameras[1].camera_id', plan({ cameras: [camera, camera] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: -1, nanos: 0 } }] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: Number.NaN, nanos: 0 } }] })],
    ['plan.adapters[0].max_in_flight', plan({ adapters: [{ ...adapter, maxInFlight: Number.NaN }] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: 1e9, nanos: 0 } }] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: 0, nanos: 1e9 } }] })],
    ['plan.cameras[0].weight', plan({ cameras: [{ ...camera, weight: 101 }] })],
    ['plan.adapters[0].view', plan({ adapters: [{ ...adapter, view: '../x' }] })],
    ['plan.adapters[1].view', plan({ adapters: [adapter, { ...adapter, name: 'b', socketPath: '/b', view: 'motion' }] })],
    ['plan.adapters[0].assignments[1].camera_id', plan({ adapters: [{ ...adapter, assignments: [assignment, assignment] }] })],
    ['plan.adapters[0].assignments[0].camera_id', assigned({ cameraId: '../etc' })],
    ['plan.adapters[0].assignments[0].interval', assigned({ interval: { seconds: -1, nanos: 0 } })],
    ['plan.adapters[0].assignments[0].region.x', assigned({ region: { x: Number.NaN, y: 0, w: 1, h: 1 } })],
    ['plan.adapters[0].assignments[0].region', assigned({ region: { x: 0.5, y: 0, w: 0.6, h: 1 } })],
    ['plan.adapters[0].assignments[0].region', assigned({ region: { x: 0.5, y: 0, w: 0, h: 1 } })],
    ['plan.adapters[0].assignments[0].minimum_size.h', assigned({ minimumSize: { w: 0, h: 2 } })],
    ['plan.adapters[0].assignments[0].active_hours.time_zone', assigned({ activeHours: { timeZone: 'Mars/Base', windows: [night] } })],
    ['plan.adapters[0].assignments[0].active_hours.time_zone', assigned({ activeHours: { timeZone: '+02:00', windows: [night] } })],
    ['plan.adapters[0].assignments[0].active_hours.windows', assigned({ activeHours: { timeZone: '', windows: [] } })],
    ['plan.adapters[0].assignments[0].active_hours.windows[0].weekdays', assigned({ activeHours: { timeZone: '', windows: [{ ...night, weekdays: [0] }] } })],
    ['plan.adapters[0].assignments[0].active_hours.windows[0].start_minute', assigned({ activeHours: { timeZone: '', windows: [{ ...night, startMinute: 1440 }] } })],
    ['plan.adapters[0].assignments[0].active_hours.windows[0].end_minute', assigned({ activeHours: { timeZone: '', windows: [{ ...night, endMinute: 0 }] } })],
    ['plan.adapters[0].name', plan({ adapters: [{ ...adapter, name: 'Motion' }] })],
    ['plan.adapters[1].name', plan({ adapters: [adapter, { ...adapter, socketPath: '/b' }] })],
    ['plan.adapters[1].socket_path', plan({ adapters: [adapter, { ...adapter, name: 'b' }] })],
    ['plan.adapters[0].socket_path', plan({ adapters: [{ ...adapter, socketPath: 'm.sock' }] })],
    ['plan.adapters[0].socket_path', plan({ adapters: [{ ...adapter, socketPath: `/${'a'.repeat(107)}` }] })],
    ['plan.adapters[0].deadline', plan({ adapters: [{ ...adapter, deadline: { seconds: 601, nanos: 0 } }] })],
    ['plan.adapters[0].max_in_flight', plan({ adapters: [{ ...adapter, maxInFlight: 65 }] })],
    ['plan.adapters[0].queue_length', plan({ adapters: [{ ...adapter, queueLength: 65 }] })],
  ];
  test.each(wrong)('names %s', (field, bad) => {
    let details = '';
    try {
      validatePlan(bad);
    } catch (error) {
      expect(error).toMatchObject({ code: 3 });
      details = (error as Error).message;
    }
    expect(details.slice(0, details.indexOf(':'))).toBe(field);
  });

  test('whatever a caller sends, the answer is a plan or INVALID_ARGUMENT', () => {
    const duration = fc.option(fc.record({ seconds: fc.integer(), nanos: fc.integer() }), { nil: undefined });
    const anyPlan = fc.record({
      cameras: fc.array(
        fc.record({
          cameraId: fc.string(),
          interval: duration,
          weight: fc.integer(),
        }),
      ),
      adapters: fc.array(
        fc.record({
          name: fc.string(),
          socketPath: fc.string(),
          deadline: duration,
          maxInFlight: fc.nat(),
          queueLength: fc.nat(),
          view: fc.string(),
          assignments: fc.array(
            fc.record({
              cameraId: fc.string(),
              interval: duration,
              region: fc.option(
                fc.record({ x: fc.double(), y: fc.double(), w: fc.double(), h: fc.double() }),
                {
                  nil: undefined,
                },
              ),
              minimumSize: fc.option(fc.record({ w: fc.double(), h: fc.double() }), { nil: undefined }),
              activeHours: fc.option(
                fc.record({
                  timeZone: fc.string(),
                  windows: fc.array(
                    fc.record({
                      weekdays: fc.array(fc.constantFrom(0, 1, 7, 8) as fc.Arbitrary<0 | 1 | 7>),
                      startMinute: fc.integer(),
                      endMinute: fc.integer(),
                    }),
                  ),
                }),
                { nil: undefined },
              ),
            }),
          ),
        }),
      ),
    });
    fc.assert(
      fc.property(anyPlan, (p) => {
        try {
          validatePlan(p);
        } catch (error) {
          expect(error).toMatchObject({ code: 3 });
        }
      }),
    );
  });
});

describe('a plan for half of it', () => {
  const whole = assigned({});
  const other = Plan.fromPartial({ cameras: [{ cameraId: 'yard' }], adapters: [{ name: 'objects' }] });

  test('leaves the other half as it was', () => {
    expect(mergePlans(whole, other, ['cameras'])).toEqual({ ...whole, cameras: other.cameras });
    expect(mergePlans(whole, other, ['adapters'])).toEqual({ ...whole, adapters: other.adapters });
    expect(mergePlans(whole, other, ['adapters', 'cameras'])).toEqual(other);
    expect(mergePlans(whole, other, [])).toEqual(other);
    expect(mergePlans(EMPTY_PLAN, other, ['cameras']).adapters).toEqual([]);
  });

  test('names what is wrong', () => {
    expect(() => mergePlans(whole, undefined, [])).toThrow('plan: is missing');
    expect(() => mergePlans(whole, other, ['cameras.interval'])).toThrow('update_mask: "cameras.interval"');
  });
});

describe('PlanFile', () => {
  test('keeps a plan for its owner alone', () => {
    const dir = scratch();
    const whole = assigned({
      region: { x: 0, y: 0, w: 0.5, h: 1 },
      activeHours: { timeZone: 'Asia/Tokyo', windows: [night] },
    });
    new PlanFile(dir).save(whole);
    expect(new PlanFile(dir).load()).toEqual(whole);
    expect(statSync(join(dir, 'plan.json')).mode & 0o777).toBe(0o600);
  });

  test.skipIf(!canMount)(
    'a disk that is full costs the new plan, not the old one (needs root on Linux)',
    () => {
      const dir = tmpfs(16 * 1024);
      const file = new PlanFile(dir);
      const small = assigned({});
      file.save(small);
      const cameras = Array.from({ length: 256 }, (_, at) => ({
        ...camera,
        cameraId: `c${at}`.padEnd(60, 'x'),
      }));
      expect(() => file.save(plan({ cameras }))).toThrow('ENOSPC');
      expect(file.load()).toEqual(small);
    },
  );

  test('no plan is no error, a broken one is', () => {
    const dir = scratch();
    expect(new PlanFile(dir).load()).toBeUndefined();
    writeFileSync(join(dir, 'plan.json'), '{"cameras": [');
    expect(() => new PlanFile(dir).load()).toThrow();
  });
});
