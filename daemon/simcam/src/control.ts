import { z } from 'zod';
import type { SimulatedCamera } from './camera.ts';
import type { Clip, ClipSpec } from './clip.ts';

/** What the parent process may ask for, over node IPC. */
export const simcamRequest = z.discriminatedUnion('type', [
  /** Answered by `counts`. */
  z.strictObject({ type: z.literal('count') }),
  /** Every camera ends after a whole GOP; answered by `finished`. */
  z.strictObject({ type: z.literal('finish') }),
  /** The camera falls off the network for so long. */
  z.strictObject({ type: z.literal('flap'), id: z.string(), downMs: z.number().min(0).max(600_000) }),
  /** The camera comes back with another picture size. */
  z.strictObject({ type: z.literal('resize'), id: z.string(), width: z.int(), height: z.int() }),
]);

export interface CameraCounts {
  id: string;
  /** Where it is, without credentials. */
  url: string;
  framesSent: number;
  keyframesSent: number;
  sessions: { framesSent: number; firstFrame: number; lastFrame: number; open: boolean }[];
}

/** What the parent process is told. */
export type SimcamReport =
  | { type: 'ready' | 'counts' | 'finished'; cameras: CameraCounts[] }
  | { type: 'refused'; message: string };

/** Answers one request. Never rejects: what cannot be done is a `refused`. */
export async function answer(
  cameras: ReadonlyMap<string, SimulatedCamera>,
  load: (spec: ClipSpec) => Promise<Clip>,
  message: unknown,
): Promise<SimcamReport> {
  try {
    const request = simcamRequest.parse(message);
    if (request.type === 'count') return { type: 'counts', cameras: countsOf(cameras) };
    if (request.type === 'finish') {
      await Promise.all([...cameras.values()].map((camera) => camera.finish()));
      return { type: 'finished', cameras: countsOf(cameras) };
    }
    const camera = cameras.get(request.id);
    if (!camera) return { type: 'refused', message: `there is no camera "${request.id}"` };
    if (request.type === 'flap') await camera.flap(request.downMs);
    else
      await camera.change(await load({ ...camera.clip.spec, width: request.width, height: request.height }));
    return { type: 'counts', cameras: countsOf(cameras) };
  } catch (error) {
    return { type: 'refused', message: error instanceof Error ? error.message : String(error) };
  }
}

export function countsOf(cameras: ReadonlyMap<string, SimulatedCamera>): CameraCounts[] {
  return [...cameras].map(([id, camera]) => ({
    id,
    url: camera.url,
    framesSent: camera.framesSent,
    keyframesSent: camera.keyframesSent,
    sessions: camera.sessions,
  }));
}
