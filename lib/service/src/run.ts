import { type Clock, systemClock } from './clock.ts';
import { createLogger, type Logger } from './log.ts';
import { ServiceManager } from './notify.ts';
import { SettingsError } from './settings.ts';

export interface ProcessContext {
  log: Logger;
  clock: Clock;
  /** Aborted on SIGTERM, SIGINT, or the end of a parent that holds an IPC channel. */
  signal: AbortSignal;
  /** Runs at shutdown, last registered first. */
  onStop(close: () => Promise<void> | void): void;
}

/**
 * The life of every program of ours: keep what it and its children write from other users, start, tell the service manager, wait for a signal, stop in order.
 * `start` resolves once the process is ready to serve and returns a one-line status.
 * Exit status: 0 after a signal, 78 (EX_CONFIG) for settings that cannot be used, 1 for any other failure.
 */
export async function run(name: string, start: (context: ProcessContext) => Promise<string>): Promise<void> {
  // Footage is written by MediaMTX as well, which asks for 0666. What the group may do is the service manager's choice.
  process.umask(process.umask() | 0o007);
  const log = createLogger(name, { level: process.env.OPENNVR_LOG_LEVEL ?? 'info' });
  const clock = systemClock;
  const abort = new AbortController();
  const closers: (() => Promise<void> | void)[] = [];
  const manager = new ServiceManager(clock, log);
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
    // A parent that gave us an IPC channel is our reason to live: nothing outlives a demo that was killed.
    if (process.connected) process.once('disconnect', () => resolve('the end of the parent process'));
  });
  const stop = async () => {
    manager.stopping();
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch (error) {
        log.error({ err: error }, 'a part did not stop cleanly');
      }
    }
  };
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    process.exit(1);
  });
  process.on('unhandledRejection', (reason) => {
    log.fatal({ err: reason }, 'unhandled rejection');
    process.exit(1);
  });
  // Keeps the process alive while nothing else does: timers of our clock do not, and start may wait on one.
  const anchor = setInterval(() => undefined, 1 << 30);
  try {
    const status = await start({ log, clock, signal: abort.signal, onStop: (close) => closers.push(close) });
    await manager.ready(status);
    log.info(status);
  } catch (error) {
    if (error instanceof SettingsError) log.fatal(error.message);
    else log.fatal({ err: error }, 'could not start');
    await stop();
    process.exit(error instanceof SettingsError ? 78 : 1);
  }
  const reason = await stopped;
  log.info(`stopping on ${reason}`);
  abort.abort(new Error(`stopping on ${reason}`));
  await stop();
  clearInterval(anchor);
  process.exit(0);
}
