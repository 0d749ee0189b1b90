import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Place } from './faults.ts';
import { FINE, serve } from './honest.ts';

const LEAK_BYTES = 32 * 1024 * 1024;
const LEAK_EVERY_MS = 100;
const FORK_EVERY_MS = 5;

/** Starts with the first frame, so that it is a healthy adapter that goes bad. */
function once(task: () => void): () => typeof FINE {
  let begun = false;
  return () => {
    if (!begun) task();
    begun = true;
    return FINE;
  };
}

/** Written to, as memory that was never touched is not there. */
export function leaksMemory({ socketPath }: Place): Promise<void> {
  const kept: Buffer[] = [];
  return serve(
    socketPath,
    once(() => {
      setInterval(() => kept.push(Buffer.alloc(LEAK_BYTES, 1)), LEAK_EVERY_MS);
    }),
  );
}

export function spinsAllCores({ socketPath }: Place): Promise<void> {
  return serve(
    socketPath,
    once(() => {
      for (let core = 1; core < availableParallelism(); core++) new Worker('for (;;);', { eval: true });
      for (;;);
    }),
  );
}

/** Each process starts the next two, and none of them ends. Refuses to run where nothing would stop it. */
export function forksWithoutEnd({ socketPath }: Place): Promise<void> {
  if (!forksAreLimited()) throw new Error('nothing limits the number of processes here: not doing it');
  return serve(
    socketPath,
    once(() => {
      setInterval(() => {
        const child = spawn('/bin/sh', ['-c', 'f() { f & f & sleep 600; }; f'], { stdio: 'ignore' });
        child.on('error', () => undefined); // the limit was reached: the point of it all
      }, FORK_EVERY_MS);
    }),
  );
}

/** By the cgroup (pids.max) or by RLIMIT_NPROC, which root is exempt from. */
function forksAreLimited(): boolean {
  const group = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1] ?? '/';
  for (const file of [`/sys/fs/cgroup${group}/pids.max`, '/sys/fs/cgroup/pids.max']) {
    try {
      if (readFileSync(file, 'latin1').trim() !== 'max') return true;
    } catch {
      // No such controller here, or not for our eyes.
    }
  }
  const soft = /^Max processes\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return process.getuid?.() !== 0 && soft !== undefined && soft !== 'unlimited' && Number(soft) < 4096;
}
