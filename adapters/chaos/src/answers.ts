import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameDelivery } from '@opennvr/proto/opennvr/inference/v1/inference';
import type { Place } from './faults.ts';
import { FINE, serve } from './honest.ts';

/** Longer than any deadline that a chaos adapter is given. */
const LATE_MS = 8000;

/** SIGKILL to itself leaves no chance to say anything, as a fault in native code would not. */
export function crashesAtFrame(frame: number) {
  let seen = 0;
  return ({ socketPath }: Place): Promise<void> =>
    serve(socketPath, () => {
      seen++;
      if (seen >= frame) process.kill(process.pid, 'SIGKILL');
      return FINE;
    });
}

export function hangs({ socketPath }: Place): Promise<void> {
  return serve(socketPath, () => new Promise(() => undefined));
}

export function answersLate({ socketPath }: Place): Promise<void> {
  return serve(socketPath, async () => {
    await sleep(LATE_MS);
    return FINE;
  });
}

export function refusesToStop({ socketPath }: Place): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  return serve(socketPath, () => FINE);
}

/** A descriptor held open keeps a deleted file's memory as a mapping does. */
export function holdsFrames({ socketPath, framesDir }: Place): Promise<void> {
  const infer = ({ frameUri }: { frameUri: string }) => {
    if (framesDir !== undefined) openSync(join(framesDir, new URL(frameUri).pathname), 'r');
    return FINE;
  };
  return serve(socketPath, infer, FrameDelivery.FRAME_DELIVERY_URI);
}
