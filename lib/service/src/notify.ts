import { spawn } from 'node:child_process';
import systemdNotify from 'systemd-notify';
import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

/**
 * sd_notify(3): readiness, status and the watchdog. A no-op where `NOTIFY_SOCKET` is not set.
 * The npm package knows READY and STATUS only; WATCHDOG=1 and STOPPING=1 go to the same
 * `systemd-notify` program here, and nowhere else.
 */
export class ServiceManager {
  readonly #active: boolean;
  readonly #watchdogMs: number | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  #cancelWatchdog: (() => void) | undefined;

  constructor(clock: Clock, log: Logger, env: NodeJS.ProcessEnv = process.env) {
    this.#clock = clock;
    this.#log = log;
    this.#active = (env.NOTIFY_SOCKET ?? '') !== '';
    const usec = Number(env.WATCHDOG_USEC);
    const forUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
    this.#watchdogMs = forUs && Number.isSafeInteger(usec) && usec > 0 ? usec / 1000 : undefined;
  }

  /** Tells the service manager that start-up is complete and starts feeding the watchdog. */
  async ready(status: string): Promise<void> {
    if (!this.#active) return;
    await systemdNotify({ ready: true, status, pid: process.pid }).catch((error: unknown) => {
      this.#log.error(
        { err: error },
        'systemd-notify failed: the service manager will think this start hung',
      );
    });
    if (this.#watchdogMs !== undefined) this.#feed(this.#watchdogMs / 3);
  }

  stopping(): void {
    this.#cancelWatchdog?.();
    if (this.#active) this.#send('STOPPING=1');
  }

  /** Fed from the event loop on purpose: a blocked loop starves the watchdog, which is what it is for. */
  #feed(everyMs: number): void {
    this.#send('WATCHDOG=1');
    this.#cancelWatchdog = this.#clock.after(everyMs, () => this.#feed(everyMs));
  }

  #send(message: string): void {
    const child = spawn('systemd-notify', [`--pid=${process.pid}`, message], { stdio: 'ignore' });
    child.on('error', (error) => this.#log.warn({ err: error }, `could not send ${message}`));
  }
}
