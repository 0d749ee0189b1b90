import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { type Clock, sleep } from '@opennvr/service';

const RETRY_MS = 250;

/** A unary call as a promise. */
export function call<Res>(
  invoke: (callback: (error: ServiceError | null, response: Res) => void) => unknown,
): Promise<Res> {
  return new Promise((resolve, reject) => {
    invoke((error, response) => (error ? reject(error) : resolve(response)));
  });
}

/** Whether this is an error that grpc-js reported for a call. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}

export interface WatchOptions<T> {
  /** Says what there shall be and opens the stream of what is. Called again after every break. */
  open(): Promise<ClientReadableStream<T>>;
  onMessage(message: T): void;
  /** A break, told once until messages come again. */
  onBreak(error: Error): void;
  clock: Clock;
  signal: AbortSignal;
}

/** Watches a server that may be killed at any time, until the signal. Never rejects. */
export async function keepWatching<T>(options: WatchOptions<T>): Promise<void> {
  const { clock, signal } = options;
  let told = false;
  while (!signal.aborted) {
    try {
      await drain(await options.open(), signal, (message) => {
        told = false;
        options.onMessage(message);
      });
    } catch (error) {
      if (!told && !signal.aborted)
        options.onBreak(error instanceof Error ? error : new Error(String(error)));
      told = true;
    }
    await sleep(clock, RETRY_MS, signal).catch(() => undefined);
  }
}

function drain<T>(
  stream: ClientReadableStream<T>,
  signal: AbortSignal,
  onMessage: (message: T) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = () => stream.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    const done = (error?: Error) => {
      signal.removeEventListener('abort', cancel);
      if (error) reject(error);
      else resolve();
    };
    stream.on('data', onMessage);
    stream.once('end', () => done());
    stream.on('error', done);
  });
}
