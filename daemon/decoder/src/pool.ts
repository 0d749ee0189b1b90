import type { Clock, Logger } from '@opennvr/service';
import { type Codec, plainAccessUnit } from './bitstream/plain.ts';
import { DecodeFailure } from './errors.ts';
import type { Size } from './ffmpeg.ts';
import type { Jpeg } from './jpeg-stream.ts';
import { decodeOnce } from './one-shot.ts';
import type { Sandbox } from './sandbox.ts';
import { WarmWorker } from './warm-worker.ts';

export interface PoolOptions {
  sandbox: Sandbox;
  clock: Clock;
  random: () => number;
  log: Logger;
  concurrency: number;
  warmWorkers: number;
  queueLength: number;
  timeoutMs: number;
}

interface Job {
  codec: Codec;
  accessUnit: Buffer;
  maxWidth: number;
  signal: AbortSignal;
  onAbort: () => void;
  resolve(jpeg: Jpeg): void;
  reject(error: unknown): void;
}

interface Slot {
  worker: WarmWorker;
  busy: boolean;
}

/** Requests to decoder processes: a bounded queue in front, warm workers by codec and size, one-shots for the rest. */
export class DecoderPool {
  readonly #options: PoolOptions;
  readonly #queue: Job[] = [];
  /** Least recently used first. */
  readonly #warm = new Map<string, Slot[]>();
  #running = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = { ...options, warmWorkers: Math.max(options.warmWorkers, options.concurrency) };
  }

  /** Process ids of the warm workers, for tests and the curious. */
  get workerPids(): number[] {
    return this.#slots().flatMap(({ worker }) => worker.pid ?? []);
  }

  /**
   * @param maxWidth 0 means full size.
   * @throws DecodeFailure
   */
  decode(codec: Codec, accessUnit: Buffer, maxWidth: number, signal: AbortSignal): Promise<Jpeg> {
    if (this.#closed) return Promise.reject(new DecodeFailure('worker', 'stopping'));
    if (this.#running >= this.#options.concurrency && this.#queue.length >= this.#options.queueLength) {
      return Promise.reject(new DecodeFailure('busy', `${this.#queue.length} pictures wait already`));
    }
    return new Promise((resolve, reject) => {
      const job: Job = {
        codec,
        accessUnit,
        maxWidth,
        signal,
        resolve,
        reject,
        onAbort: () => this.#forget(job),
      };
      this.#queue.push(job);
      signal.addEventListener('abort', job.onAbort, { once: true });
      this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.reject(new DecodeFailure('worker', 'stopping'));
    for (const { worker } of this.#slots()) worker.kill();
    this.#warm.clear();
  }

  #forget(job: Job): void {
    const index = this.#queue.indexOf(job);
    if (index < 0) return;
    this.#queue.splice(index, 1);
    job.reject(new DecodeFailure('cancelled', 'nobody waits for this picture'));
  }

  #next(): void {
    while (this.#running < this.#options.concurrency) {
      const job = this.#queue.shift();
      if (!job) return;
      job.signal.removeEventListener('abort', job.onAbort);
      this.#running++;
      this.#run(job)
        .then(job.resolve, job.reject)
        .finally(() => {
          this.#running--;
          this.#next();
        });
    }
  }

  async #run(job: Job): Promise<Jpeg> {
    const plain = plainAccessUnit(job.codec, job.accessUnit);
    if (plain) {
      try {
        return await this.#decodeWarm(job.codec, plain.annexB, scaledSize(plain, job.maxWidth));
      } catch (error) {
        if (!(error instanceof DecodeFailure) || this.#closed) throw error;
        this.#options.log.warn({ codec: job.codec, reason: error.message }, 'warm decoder given up');
      }
    }
    if (job.signal.aborted) throw new DecodeFailure('cancelled', 'nobody waits for this picture');
    return decodeOnce(job.accessUnit, { ...this.#options, ...job });
  }

  async #decodeWarm(codec: Codec, annexB: Buffer, size: Size): Promise<Jpeg> {
    const key = `${codec} ${size.width}x${size.height}`;
    const slot = this.#take(key, codec, size);
    try {
      return await slot.worker.decode(annexB);
    } finally {
      slot.busy = false;
      if (!slot.worker.alive) this.#remove(slot);
    }
  }

  /** An idle worker for this key, a new one otherwise; the one unused for longest makes room. */
  #take(key: string, codec: Codec, size: Size): Slot {
    const slots = this.#warm.get(key) ?? [];
    this.#warm.delete(key);
    this.#warm.set(key, slots);
    const idle = slots.find(({ busy, worker }) => !busy && worker.alive);
    if (idle) {
      idle.busy = true;
      return idle;
    }
    if (this.#slots().length >= this.#options.warmWorkers) {
      const oldest = this.#slots().find(({ busy }) => !busy);
      if (oldest) {
        oldest.worker.kill();
        this.#remove(oldest);
      }
    }
    const { sandbox, clock, random, timeoutMs } = this.#options;
    const worker = new WarmWorker({ codec, size, sandbox, clock, random, timeoutMs });
    const slot = { worker, busy: true };
    this.#warm.get(key)?.push(slot);
    return slot;
  }

  #slots(): Slot[] {
    return [...this.#warm.values()].flat();
  }

  #remove(slot: Slot): void {
    for (const [key, slots] of this.#warm) {
      const rest = slots.filter((other) => other !== slot);
      if (rest.length === 0 && slots.length > 0) this.#warm.delete(key);
      else this.#warm.set(key, rest);
    }
  }
}

/** At most `maxWidth` wide, aspect kept. */
export function scaledSize(size: Size, maxWidth: number): Size {
  if (maxWidth === 0 || size.width <= maxWidth) return { width: size.width, height: size.height };
  return { width: maxWidth, height: Math.max(1, Math.round((size.height * maxWidth) / size.width)) };
}
