import type { Box } from '@opennvr/proto/opennvr/inference/v1/inference';
import type { ActiveHours, Assignment, Size } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { invalidArgument } from '@opennvr/service';
import type { ActiveHoursPlan, AssignmentPlan } from '../types.ts';
import { atMost, fraction, slug } from './fields.ts';

const MAX_WINDOWS = 64;
const DAY_MINUTES = 24 * 60;
const MAX_TIME_ZONE = 64;
/** What adding two shares may be off by. */
const EPSILON = 1e-6;

/**
 * Checks all of an assignment but its interval.
 *
 * @throws grpc.ServiceError INVALID_ARGUMENT that names the field, below `field`.
 */
export function readAssignment(assignment: Assignment, field: string): Omit<AssignmentPlan, 'intervalMs'> {
  const { cameraId, region, minimumSize, activeHours } = assignment;
  if (cameraId !== '') slug(`${field}.camera_id`, cameraId);
  return {
    cameraId,
    region: region && readRegion(region, `${field}.region`),
    minimumSize: readSize(minimumSize, `${field}.minimum_size`),
    activeHours: activeHours && readActiveHours(activeHours, `${field}.active_hours`),
  };
}

function readRegion({ x, y, w, h }: Box, field: string): Box {
  for (const [name, value] of Object.entries({ x, y, w, h })) fraction(`${field}.${name}`, value);
  if (w === 0 || h === 0) throw invalidArgument(field, 'is empty');
  if (x + w > 1 + EPSILON || y + h > 1 + EPSILON) throw invalidArgument(field, 'leaves the picture');
  return { x, y, w, h };
}

function readSize(size: Size | undefined, field: string): Size {
  const { w, h } = size ?? { w: 0, h: 0 };
  fraction(`${field}.w`, w);
  fraction(`${field}.h`, h);
  return { w, h };
}

function readActiveHours({ timeZone, windows }: ActiveHours, field: string): ActiveHoursPlan {
  if (!isTimeZone(timeZone)) throw invalidArgument(`${field}.time_zone`, 'is no IANA time zone known here');
  if (windows.length === 0) throw invalidArgument(`${field}.windows`, 'is empty: it would never be active');
  atMost(`${field}.windows`, windows.length, MAX_WINDOWS);
  return {
    timeZone: timeZone || 'UTC',
    windows: windows.map(({ weekdays, startMinute: start, endMinute: end }, i) => {
      const at = `${field}.windows[${i}]`;
      atMost(`${at}.weekdays`, weekdays.length, 7);
      for (const day of weekdays) {
        if (!(day >= 1 && day <= 7))
          throw invalidArgument(`${at}.weekdays`, 'has what is no day of the week');
      }
      atMost(`${at}.start_minute`, start, DAY_MINUTES - 1);
      if (!(end >= 1 && end <= DAY_MINUTES))
        throw invalidArgument(`${at}.end_minute`, `${end} is not within 1 to ${DAY_MINUTES}`);
      return { weekdays, start, end };
    }),
  };
}

function isTimeZone(name: string): boolean {
  if (name === '') return true;
  // Offsets like "+02:00" are taken by newer engines; they know no change of the clock.
  if (name.length > MAX_TIME_ZONE || !/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
