import type { Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { invalidArgument } from '@opennvr/service';

export const EMPTY_PLAN: Plan = { cameras: [], adapters: [] };

const HALVES = ['cameras', 'adapters'] as const;

/**
 * The plan there shall be: the halves that `mask` names come from `next`, the others from `current`. An empty mask
 * names both.
 *
 * @throws grpc.ServiceError INVALID_ARGUMENT that names the field.
 */
export function mergePlans(current: Plan, next: Plan | undefined, mask: readonly string[]): Plan {
  if (!next) throw invalidArgument('plan', 'is missing');
  const unknown = mask.find((path) => !HALVES.some((half) => half === path));
  if (unknown !== undefined) {
    throw invalidArgument('update_mask', `"${unknown.slice(0, 63)}" is neither "cameras" nor "adapters"`);
  }
  const takes = (half: (typeof HALVES)[number]) => mask.length === 0 || mask.includes(half);
  return {
    cameras: takes('cameras') ? next.cameras : current.cameras,
    adapters: takes('adapters') ? next.adapters : current.adapters,
  };
}
