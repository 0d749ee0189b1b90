import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PlanFile } from '../src/plan/plan-file.ts';
import { validatePlan } from '../src/plan/validate.ts';
import { canMount, scratch, tmpfs } from './support.ts';

const adapter = {
  name: 'motion',
  socketPath: '/run/m.sock',
  deadline: undefined,
  maxInFlight: 0,
  queueLength: 0,
};
const camera = { cameraId: 'door', interval: { seconds: 1, nanos: 5e8 }, assignments: [] };
const assignment = { adapter: 'motion', interval: undefined };
const plan = (changes: Partial<Plan>): Plan => ({ cameras: [camera], adapters: [adapter], ...changes });

describe('validatePlan', () => {
  test('spells out units and defaults', () => {
    expect(validatePlan(plan({ cameras: [{ ...camera, assignments: [assignment] }] }))).toEqual({
      taps: [{ cameraId: 'door', intervalMs: 1500, watched: true }],
      adapters: [
        { name: 'motion', socketPath: '/run/m.sock', deadlineMs: 5000, maxInFlight: 0, queueLength: 2 },
      ],
      assignments: [{ cameraId: 'door', adapter: 'motion', intervalMs: 0 }],
    });
  });

  // biome-ignore format: a line a case
  const wrong: [string, Plan | undefined][] = [
    ['plan', undefined],
    ['plan.cameras', plan({ cameras: Array.from({ length: 257 }, (_, n) => ({ ...camera, cameraId: `c${n}` })) })],
    ['plan.cameras[0].camera_id', plan({ cameras: [{ ...camera, cameraId: '../etc' }] })],
    ['plan.cameras[1].camera_id', plan({ cameras: [camera, camera] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: -1, nanos: 0 } }] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: Number.NaN, nanos: 0 } }] })],
    ['plan.adapters[0].max_in_flight', plan({ adapters: [{ ...adapter, maxInFlight: Number.NaN }] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: 1e9, nanos: 0 } }] })],
    ['plan.cameras[0].interval', plan({ cameras: [{ ...camera, interval: { seconds: 0, nanos: 1e9 } }] })],
    ['plan.cameras[0].assignments[0].adapter', plan({ cameras: [{ ...camera, assignments: [{ ...assignment, adapter: 'x' }] }] })],
    ['plan.cameras[0].assignments[1].adapter', plan({ cameras: [{ ...camera, assignments: [assignment, assignment] }] })],
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
          assignments: fc.array(fc.record({ adapter: fc.string(), interval: duration })),
        }),
      ),
      adapters: fc.array(
        fc.record({
          name: fc.string(),
          socketPath: fc.string(),
          deadline: duration,
          maxInFlight: fc.nat(),
          queueLength: fc.nat(),
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

describe('PlanFile', () => {
  test('keeps a plan for its owner alone', () => {
    const dir = scratch();
    const whole = plan({ cameras: [{ ...camera, assignments: [assignment] }] });
    new PlanFile(dir).save(whole);
    expect(new PlanFile(dir).load()).toEqual(whole);
    expect(statSync(join(dir, 'plan.json')).mode & 0o777).toBe(0o600);
  });

  test.skipIf(!canMount)(
    'a disk that is full costs the new plan, not the old one (needs root on Linux)',
    () => {
      const dir = tmpfs(16 * 1024);
      const file = new PlanFile(dir);
      const small = plan({ cameras: [{ ...camera, assignments: [assignment] }] });
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
