import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@opennvr/service';

/** A program to keep alive. */
export interface Program {
  /** Also the name of its log file. */
  name: string;
  /** Path of its bundle. */
  bundle: string;
  args: readonly string[];
  /** False: its end is the end of everything (`onGone`), as its memory of what it sent is gone. */
  restart: boolean;
  onMessage?(message: unknown): void;
}

export interface SupervisorOptions {
  clock: Clock;
  logDir: string;
  /** One sentence about something that died. */
  onError(message: string): void;
  /** A program that is not restarted has ended, or one cannot be started at all. */
  onGone(message: string): void;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** A program that lived this long starts over with a short backoff. */
const SETTLED_MS = 10_000;
/** A program that ends so often in a row, within {@link QUICK_MS} each time, is broken. */
const MAX_QUICK_ENDS = 8;
const QUICK_MS = 3000;
/** EX_CONFIG: it will not like its settings any better the second time. */
const CONFIG_STATUS = 78;
const LOG_TAIL = 8192;

interface Entry {
  program: Program;
  child: ChildProcess | undefined;
  startedAt: number;
  backoffMs: number;
  quickEnds: number;
  cancelRestart: (() => void) | undefined;
  ended: Promise<void>;
}

/**
 * Starts programs, each in a process group of its own with its log in a file, and starts again what dies.
 * Nothing stays behind: groups are killed with their leaders, and every program of ours also ends
 * by itself when the IPC channel to this process closes.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #killAll = () => {
    for (const entry of this.#entries.values()) killGroup(entry.child, 'SIGKILL');
  };
  #stopping = new Set<string>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    process.once('exit', this.#killAll);
  }

  start(program: Program): void {
    const entry: Entry = {
      program,
      child: undefined,
      startedAt: 0,
      backoffMs: FIRST_BACKOFF_MS,
      quickEnds: 0,
      cancelRestart: undefined,
      ended: Promise.resolve(),
    };
    this.#entries.set(program.name, entry);
    this.#spawn(entry);
  }

  /** Sends a message to a program; false when it is not running. */
  send(name: string, message: object): boolean {
    const child = this.#entries.get(name)?.child;
    return child?.connected === true && child.send(message);
  }

  /** Stops these, in this order: SIGTERM, and SIGKILL for what is left of the group after `graceMs`. */
  async stop(names: readonly string[], graceMs: number): Promise<void> {
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (!entry) continue;
      this.#stopping.add(name);
      entry.cancelRestart?.();
      entry.child?.kill('SIGTERM');
      const cancel = this.#options.clock.after(graceMs, () => {
        if (!entry.child) return;
        this.#options.onError(`${name} did not stop within ${graceMs / 1000} s and was killed`);
        killGroup(entry.child, 'SIGKILL');
      });
      await entry.ended;
      cancel();
      this.#entries.delete(name);
    }
  }

  /** Stops all that is left, last started first. */
  async close(graceMs: number): Promise<void> {
    await this.stop([...this.#entries.keys()].reverse(), graceMs);
    process.removeListener('exit', this.#killAll);
  }

  #spawn(entry: Entry): void {
    const { program } = entry;
    const log = openSync(this.#logPath(program.name), 'a', 0o600);
    const child = spawn(process.execPath, [program.bundle, ...program.args], {
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    entry.child = child;
    entry.startedAt = this.#options.clock.monotonic();
    child.on('message', (message) => program.onMessage?.(message));
    entry.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        entry.child = undefined;
        resolve();
        this.#options.onGone(`${program.name} cannot be started: ${error.message}`);
      });
      child.once('exit', (code, signal) => {
        killGroup(child, 'SIGKILL');
        entry.child = undefined;
        resolve();
        if (!this.#stopping.has(program.name)) this.#onExit(entry, code, signal);
      });
    });
  }

  #onExit(entry: Entry, code: number | null, signal: NodeJS.Signals | null): void {
    const { name, restart } = entry.program;
    const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
    const why = signal === null ? this.#lastWords(name) : '';
    const lived = this.#options.clock.monotonic() - entry.startedAt;
    entry.quickEnds = lived < QUICK_MS ? entry.quickEnds + 1 : 0;
    if (!restart || code === CONFIG_STATUS || entry.quickEnds >= MAX_QUICK_ENDS) {
      this.#options.onGone(`${name} ${how}${why}`);
      return;
    }
    entry.backoffMs = lived > SETTLED_MS ? FIRST_BACKOFF_MS : entry.backoffMs;
    this.#options.onError(`${name} ${how}${why}; restarted after ${entry.backoffMs} ms`);
    entry.cancelRestart = this.#options.clock.after(entry.backoffMs, () => this.#spawn(entry));
    entry.backoffMs = Math.min(entry.backoffMs * 2, MAX_BACKOFF_MS);
  }

  /** The last error in its log, so that people need not look for it. */
  #lastWords(name: string): string {
    const lines = readFileSync(this.#logPath(name), 'utf8').slice(-LOG_TAIL).split('\n').reverse();
    for (const line of lines) {
      const said = /"level":"(?:fatal|error)"/.test(line) ? messageOf(line) : /^\S*Error\b.*/.exec(line)?.[0];
      if (said !== undefined) return `: ${said.slice(0, 300)}`;
    }
    return '';
  }

  #logPath(name: string): string {
    return join(this.#options.logDir, `${name}.log`);
  }
}

/** Signals a whole process group; one that is gone already is fine. */
function killGroup(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The error's message in one of our log lines, or the line's own. */
function messageOf(line: string): string {
  try {
    const { msg, err } = JSON.parse(line);
    return String(err?.message ?? msg);
  } catch {
    return line;
  }
}
