import { isAbsolute } from 'node:path';
import type { Duration } from '@opennvr/proto/google/protobuf/duration';
import type { Adapter, CameraTap, Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { invalidArgument } from '@opennvr/service';
import type { TapPlan } from '../tap/taps.ts';
import type { AdapterPlan, AssignmentPlan } from '../types.ts';
import { readAssignment } from './assignment.ts';
import { atMost, slug, unique } from './fields.ts';

/** A plan that can be carried out. */
export interface ValidPlan {
  taps: TapPlan[];
  adapters: AdapterPlan[];
}

const MAX_CAMERAS = 256;
const MAX_ADAPTERS = 64;
const MAX_INTERVAL_MS = 24 * 3600 * 1000;
const MAX_DEADLINE_MS = 10 * 60 * 1000;
const DEFAULT_DEADLINE_MS = 5000;
const MAX_IN_FLIGHT = 64;
const MAX_QUEUE_LENGTH = 64;
const DEFAULT_QUEUE_LENGTH = 2;
const MAX_WEIGHT = 100;
/** sun_path holds 108 bytes with its terminating zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

/**
 * Checks a plan as a whole.
 *
 * @throws grpc.ServiceError INVALID_ARGUMENT that names the first offending field, `plan.cameras[2].interval`.
 */
export function validatePlan(plan: Plan): ValidPlan {
  atMost('plan.cameras', plan.cameras.length, MAX_CAMERAS);
  atMost('plan.adapters', plan.adapters.length, MAX_ADAPTERS);
  const adapters = plan.adapters.map((adapter, i) => readAdapter(adapter, `plan.adapters[${i}]`));
  for (const [key, field] of [
    ['name', 'name'],
    ['socketPath', 'socket_path'],
    ['view', 'view'],
  ] as const) {
    unique(
      adapters,
      (i) => `plan.adapters[${i}].${field}`,
      (adapter) => adapter[key],
    );
  }
  const assigned = new Set(
    adapters.flatMap((adapter) => adapter.assignments.map(({ cameraId }) => cameraId)),
  );
  const taps = plan.cameras.map((camera, i) => readTap(camera, `plan.cameras[${i}]`, assigned));
  unique(
    taps,
    (i) => `plan.cameras[${i}].camera_id`,
    ({ cameraId }) => cameraId,
  );
  return { taps, adapters };
}

function readAdapter(adapter: Adapter, field: string): AdapterPlan {
  const { name, socketPath, maxInFlight, queueLength, view } = adapter;
  slug(`${field}.name`, name);
  if (view !== '') slug(`${field}.view`, view);
  if (!isAbsolute(socketPath) || socketPath.includes('\0')) {
    throw invalidArgument(`${field}.socket_path`, 'is not an absolute path');
  }
  atMost(`${field}.socket_path`, Buffer.byteLength(socketPath), MAX_SOCKET_PATH, 'bytes');
  atMost(`${field}.max_in_flight`, maxInFlight, MAX_IN_FLIGHT);
  atMost(`${field}.queue_length`, queueLength, MAX_QUEUE_LENGTH);
  return {
    name,
    socketPath,
    deadlineMs: milliseconds(`${field}.deadline`, adapter.deadline, MAX_DEADLINE_MS) || DEFAULT_DEADLINE_MS,
    maxInFlight,
    queueLength: queueLength || DEFAULT_QUEUE_LENGTH,
    view: view || name,
    assignments: readAssignments(adapter, field),
  };
}

function readTap(camera: CameraTap, field: string, assigned: ReadonlySet<string>): TapPlan {
  const { cameraId, weight } = camera;
  slug(`${field}.camera_id`, cameraId);
  const intervalMs = milliseconds(`${field}.interval`, camera.interval, MAX_INTERVAL_MS);
  atMost(`${field}.weight`, weight, MAX_WEIGHT);
  return { cameraId, intervalMs, weight: weight || 1, watched: assigned.has('') || assigned.has(cameraId) };
}

function readAssignments({ assignments }: Adapter, field: string): AssignmentPlan[] {
  atMost(`${field}.assignments`, assignments.length, MAX_CAMERAS);
  const read = assignments.map((assignment, i) => {
    const at = `${field}.assignments[${i}]`;
    const intervalMs = milliseconds(`${at}.interval`, assignment.interval, MAX_INTERVAL_MS);
    return { ...readAssignment(assignment, at), intervalMs };
  });
  unique(
    read,
    (i) => `${field}.assignments[${i}].camera_id`,
    ({ cameraId }) => cameraId,
  );
  return read;
}

/**
 * A protobuf Duration in milliseconds; absent means 0.
 *
 * @throws grpc.ServiceError INVALID_ARGUMENT
 */
export function milliseconds(field: string, duration: Duration | undefined, maxMs: number): number {
  if (!duration) return 0;
  const { seconds, nanos } = duration;
  // Not the other way round: a stored plan may hold NaN, which is neither.
  if (!(seconds >= 0 && nanos >= 0 && nanos <= 999_999_999))
    throw invalidArgument(field, 'is no positive duration');
  const ms = seconds * 1000 + nanos / 1e6;
  if (ms > maxMs) throw invalidArgument(field, `is more than ${maxMs / 1000} s`);
  return ms;
}
