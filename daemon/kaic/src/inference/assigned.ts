import type { Box, Detection } from '@opennvr/proto/opennvr/inference/v1/inference';
import type { Size } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { AssignmentPlan, CameraPlan } from '../types.ts';
import { ActiveHours } from './active-hours.ts';
import type { LanePlan } from './lane.ts';

/** What one adapter does with one camera. */
export interface Assigned extends LanePlan {
  region: Box | undefined;
  minimumSize: Size;
  /** Undefined: always. */
  hours: ActiveHours | undefined;
}

/** Camera → what is assigned: its own assignment, else the one for every camera, else nothing. */
export function assignedOf(
  assignments: readonly AssignmentPlan[],
  cameras: readonly CameraPlan[],
): Map<string, Assigned> {
  const own = new Map(assignments.map((assignment) => [assignment.cameraId, assignment]));
  return new Map(
    cameras.flatMap(({ cameraId, weight }) => {
      const assignment = own.get(cameraId) ?? own.get('');
      if (!assignment) return [];
      const { intervalMs, region, minimumSize, activeHours } = assignment;
      const hours = activeHours && new ActiveHours(activeHours);
      return [[cameraId, { intervalMs, weight, region, minimumSize, hours }]];
    }),
  );
}

/** Whether a detection is one that was asked for: large enough, its centre within the region. */
export function isAskedFor({ box }: Detection, { region, minimumSize }: Assigned): boolean {
  if (!box) return false;
  if (box.w < minimumSize.w || box.h < minimumSize.h) return false;
  if (!region) return true;
  const x = box.x + box.w / 2;
  const y = box.y + box.h / 2;
  return x >= region.x && x <= region.x + region.w && y >= region.y && y <= region.y + region.h;
}
