import { isAbsolute } from 'node:path';
import type { Duration } from '@opennvr/proto/google/protobuf/duration';
import type { Adapter, CameraTap, Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { invalidArgument } from '@opennvr/service';
import type { TapPlan } from '../tap/taps.ts';
import type { AdapterPlan, AssignmentPlan } from '../types.ts';

/** A plan that can be carried out. */
export interface ValidPlan {
  taps: TapPlan[];
  adapters: AdapterPlan[];
  assignments: AssignmentPlan[];
}

const SLUG = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MAX_CAMERAS = 256;
const MAX_ADAPTERS = 64;
const MAX_INTERVAL_MS = 24 * 3600 * 1000;
const MAX_DEADLINE_MS = 10 * 60 * 1000;
const DEFAULT_DEADLINE_MS = 5000;
const MAX_IN_FLIGHT = 64;
const MAX_QUEUE_LENGTH = 64;
const DEFAULT_QUEUE_LENGTH = 2;
/** sun_path holds 108 bytes with its terminating zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

/**
 * Checks a plan as a whole.
 *
 * @throws grpc.ServiceError INVALID_ARGUMENT that names the first offending field, `plan.cameras[2].interval`.
 */
export function validatePlan(plan: Plan | undefined): ValidPlan {
  if (!plan) throw invalidArgument('plan', 'is missing');
  atMost('plan.cameras', plan.cameras.length, MAX_CAMERAS);
  atMost('plan.adapters', plan.adapters.length, MAX_ADAPTERS);
  const adapters = plan.adapters.map((adapter, i) => readAdapter(adapter, `plan.adapters[${i}]`));
  unique(
    adapters,
    (i) => `plan.adapters[${i}].name`,
    ({ name }) => name,
  );
  unique(
    adapters,
    (i) => `plan.adapters[${i}].socket_path`,
    ({ socketPath }) => socketPath,
  );
  const taps = plan.cameras.map((camera, i) => readTap(camera, `plan.cameras[${i}]`));
  unique(
    taps,
    (i) => `plan.cameras[${i}].camera_id`,
    ({ cameraId }) => cameraId,
  );
  const known = new Set(adapters.map(({ name }) => name));
  const assignments = plan.cameras.flatMap((camera, i) =>
    readAssignments(camera, `plan.cameras[${i}]`, known),
  );
  return { taps, adapters, assignments };
}

function readAdapter(adapter: Adapter, field: string): AdapterPlan {
  const { name, socketPath, maxInFlight, queueLength } = adapter;
  slug(`${field}.name`, name);
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
    maxInFlight: maxInFlight,
    queueLength: queueLength || DEFAULT_QUEUE_LENGTH,
  };
}

function readTap(camera: CameraTap, field: string): TapPlan {
  slug(`${field}.camera_id`, camera.cameraId);
  const intervalMs = milliseconds(`${field}.interval`, camera.interval, MAX_INTERVAL_MS);
  return { cameraId: camera.cameraId, intervalMs, watched: camera.assignments.length > 0 };
}

function readAssignments(camera: CameraTap, field: string, known: ReadonlySet<string>): AssignmentPlan[] {
  const at = (i: number) => `${field}.assignments[${i}]`;
  atMost(`${field}.assignments`, camera.assignments.length, MAX_ADAPTERS);
  const assignments = camera.assignments.map(({ adapter, interval }, i) => {
    if (!known.has(adapter))
      throw invalidArgument(`${at(i)}.adapter`, `no adapter "${adapter.slice(0, 63)}" in this plan`);
    const intervalMs = milliseconds(`${at(i)}.interval`, interval, MAX_INTERVAL_MS);
    return { cameraId: camera.cameraId, adapter, intervalMs };
  });
  unique(
    assignments,
    (i) => `${at(i)}.adapter`,
    ({ adapter }) => adapter,
  );
  return assignments;
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

function slug(field: string, text: string): void {
  if (!SLUG.test(text)) throw invalidArgument(field, 'is not [a-z0-9][a-z0-9_-]{0,62}');
}

function atMost(field: string, value: number, max: number, unit = ''): void {
  if (!(value >= 0 && value <= max))
    throw invalidArgument(field, `${value}${unit && ` ${unit}`} is not within 0 to ${max}`);
}

function unique<T>(items: readonly T[], field: (index: number) => string, key: (item: T) => string): void {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    if (seen.has(key(item))) throw invalidArgument(field(i), `"${key(item)}" is there twice`);
    seen.add(key(item));
  });
}
