import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, type Logger, sleep } from '@opennvr/service';
import { type LogLine, parseLogLine } from './log-lines.ts';
import { LogTail } from './log-tail.ts';
import { type Found, findMediaMtx, isAlive, startTicksOf } from './processes.ts';

export interface SupervisorOptions {
  bin: string;
  configPath: string;
  logPath: string;
  /** False: it is started by somebody else, and only looked for. */
  manage: boolean;
  clock: Clock;
  log: Logger;
  onLine: (line: LogLine) => void;
  /** Another run of MediaMTX than before; undefined while there is none. */
  onRun: (run: Found | undefined) => void;
}

const TICK_MS = 250;
/** A run that lasted this long earns an immediate restart. */
const GOOD_RUN_MS = 10_000;
const MAX_PAUSE_MS = 10_000;
const STOP_MS = 10_000;

/**
 * Keeps MediaMTX running. It is started detached, with a file for its output, and outlives us: killing the adapter
 * stops no recording. The next adapter finds it by {@link findMediaMtx} and takes it over as it is.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #tail: LogTail;
  #run: Found | undefined;
  #runSince = 0;
  #pause = 0;
  #startAt = 0;
  #stopping = false;
  #cancelTick: (() => void) | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    mkdirSync(dirname(options.logPath), { recursive: true, mode: 0o750 });
    this.#tail = new LogTail(options.logPath);
  }

  /** The run there is now. */
  get run(): Found | undefined {
    return this.#run;
  }

  /** Takes over the MediaMTX that runs, or starts one; then keeps watch. */
  async start(): Promise<void> {
    const { bin, configPath, manage, log } = this.#options;
    const found = findMediaMtx(bin, configPath);
    if (found && manage && !found.current) {
      log.info({ mediamtx: found.pid }, 'MediaMTX was updated: restarting it');
      await this.#kill(found);
    } else if (found) {
      log.info({ mediamtx: found.pid }, 'took over the MediaMTX that was running');
      this.#begin(found);
    }
    this.#tick();
  }

  /** Ends our watch, and MediaMTX too when it is ours: SIGTERM, and SIGKILL after 10 s. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelTick?.();
    const run = this.#run;
    if (run && this.#options.manage) await this.#kill(run);
    this.#readLog();
    this.#tail.close();
  }

  /** Ends MediaMTX whoever started it, for when it does what it must not. */
  async condemn(): Promise<void> {
    this.#stopping = true;
    if (this.#run) await this.#kill(this.#run);
  }

  #tick(): void {
    this.#readLog();
    if (this.#run && !isAlive(this.#run)) this.#ended();
    if (!this.#run && !this.#stopping) this.#seek();
    if (!this.#stopping) this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  #seek(): void {
    const { bin, configPath, manage, clock } = this.#options;
    if (clock.monotonic() < this.#startAt) return;
    if (manage) {
      this.#spawn();
      return;
    }
    this.#startAt = clock.monotonic() + 1000;
    const found = findMediaMtx(bin, configPath);
    if (found) this.#begin(found);
  }

  #spawn(): void {
    const { bin, configPath, log, clock } = this.#options;
    const child = spawn(bin, [configPath], {
      detached: true,
      cwd: '/',
      // MTX_* variables would override the file.
      env: { PATH: '/usr/bin:/bin' },
      stdio: ['ignore', this.#tail.fd, this.#tail.fd],
    });
    child.unref();
    child.on('error', (error) => log.error({ err: error }, `cannot start ${bin}`));
    child.on('exit', (code, signal) => this.#exited(child, code, signal));
    const startTicks = child.pid === undefined ? undefined : startTicksOf(child.pid);
    this.#startAt = clock.monotonic() + this.#pause;
    if (child.pid === undefined || startTicks === undefined) {
      this.#lengthenPause();
      return;
    }
    log.info({ mediamtx: child.pid }, 'started MediaMTX');
    this.#begin({ pid: child.pid, startTicks, current: true });
  }

  #exited(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    this.#readLog();
    if (!this.#stopping) {
      this.#options.log.error({ mediamtx: child.pid, code, signal }, 'MediaMTX ended');
      if (this.#run?.pid === child.pid) {
        this.#ended();
        this.#seek();
      }
    }
  }

  #begin(run: Found): void {
    this.#run = run;
    this.#runSince = this.#options.clock.monotonic();
    this.#options.onRun(run);
  }

  #ended(): void {
    const { clock, onRun } = this.#options;
    const now = clock.monotonic();
    if (now - this.#runSince >= GOOD_RUN_MS) this.#pause = 0;
    this.#startAt = now + this.#pause;
    this.#lengthenPause();
    this.#run = undefined;
    onRun(undefined);
  }

  #lengthenPause(): void {
    this.#pause = Math.min(MAX_PAUSE_MS, Math.max(TICK_MS, this.#pause * 2));
  }

  async #kill(run: Found): Promise<void> {
    const { clock, log } = this.#options;
    signal(run, 'SIGTERM');
    let deadline = clock.monotonic() + STOP_MS;
    while (isAlive(run)) {
      if (clock.monotonic() > deadline) {
        log.warn({ mediamtx: run.pid }, 'MediaMTX did not stop within 10 s: killing it');
        signal(run, 'SIGKILL');
        deadline = Number.POSITIVE_INFINITY;
      }
      await sleep(clock, 50);
    }
  }

  #readLog(): void {
    for (const line of this.#tail.read()) this.#options.onLine(parseLogLine(line));
  }
}

function signal(run: Found, name: NodeJS.Signals): void {
  if (!isAlive(run)) return;
  try {
    process.kill(run.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
