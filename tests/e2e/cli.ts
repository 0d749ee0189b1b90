import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '@opennvr/service';

export const BUNDLE = fileURLToPath(new URL('../../dist/opennvr.js', import.meta.url));
const ffprobe = findProgram('ffprobe', 'FFPROBE_BIN');
const ffmpeg = findProgram('ffmpeg', 'FFMPEG_BIN');

/** Why the demo cannot be run here, for the names of skipped tests; '' when it can. */
export const missing = !existsSync(BUNDLE)
  ? ' (skipped: run "make build" first)'
  : ffprobe && ffmpeg
    ? ''
    : ' (skipped: no ffmpeg or ffprobe)';
export const mediamtxMissing = findProgram('mediamtx', 'MEDIAMTX_BIN') ? '' : ' (skipped: no MediaMTX)';

export interface CameraReport {
  id: string;
  codec: string;
  transport: string;
  framesSent: number | null;
  framesRecorded: number;
  framesLost: number | null;
  keyframesStored: number;
  lastUri: string;
}

export interface Report {
  engine: { name: string; version: string };
  cameras: CameraReport[];
  adapters: { name: string; results: number; timeouts: number; p50Ms: number; p99Ms: number }[];
  frameStore: { bytes: number; capBytes: number };
  errors: string[];
}

/** An `opennvr` that runs. */
export class Cli {
  output = '';
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | string>;

  /** @param folder its working folder; made when not given. */
  constructor(
    args: string[],
    { folder = makeFolder(), env = {} }: { folder?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    this.folder = folder;
    this.#child = spawn(process.execPath, [BUNDLE, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.#exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve(signal ?? code ?? -1));
    });
  }

  /** Its exit status, or the signal that ended it. */
  exited(): Promise<number | string> {
    return this.#exited;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Pid of the program of the demo with that name; undefined while there is none. */
  program(name: string): number | undefined {
    return processes().find(
      ({ parent, command }) => parent === this.#child.pid && command.includes(`/${name}.js`),
    )?.pid;
  }

  /** Everything that works for this demo: its children, and theirs. */
  descendants(): number[] {
    const all = processes();
    const below = (pid: number | undefined): number[] =>
      all.filter(({ parent }) => parent === pid).flatMap((child) => [child.pid, ...below(child.pid)]);
    return below(this.#child.pid);
  }

  /** The demo's private folder, known once kaic runs. */
  get runDirectory(): string {
    const kaic = processes().find(({ pid }) => pid === this.program('opennvr-kaic'));
    const settings = kaic?.command.split('\0').find((argument) => argument.endsWith('.json'));
    return settings === undefined ? '' : dirname(settings);
  }

  report(name = 'report.json'): Report {
    return JSON.parse(readFileSync(join(this.folder, name), 'utf8'));
  }
}

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'opennvr-e2e-'));
}

export function isAlive(pid: number): boolean {
  return processes().some((one) => one.pid === pid);
}

/** All processes that have not ended; a zombie has. */
function processes(): { pid: number; parent: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        readlinkSync(`/proc/${name}/exe`);
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z') return [];
        return [
          {
            pid: Number(name),
            parent: Number(parent),
            command: readFileSync(`/proc/${name}/cmdline`, 'utf8'),
          },
        ];
      } catch {
        // It has ended since.
        return [];
      }
    });
}

/** Video packets in all segments of a folder, by ffprobe. */
export function countPackets(folder: string): number {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.mp4'))
    .map((name) => {
      const args = [
        '-v',
        'error',
        '-select_streams',
        'v',
        '-count_packets',
        '-show_entries',
        'stream=nb_read_packets',
      ];
      const said = execFileSync(ffprobe ?? '', [...args, '-of', 'csv=p=0', join(folder, name)], {
        encoding: 'utf8',
      });
      return Number.parseInt(said, 10);
    })
    .reduce((sum, count) => sum + count, 0);
}

/** What ffmpeg has against the pictures in a folder's segments; '' when it decodes them all. Packets may be stumps. */
export function decodingProblems(folder: string): string {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.mp4'))
    .map((name) => {
      const args = ['-v', 'error', '-i', join(folder, name), '-map', '0:v', '-f', 'null', '-'];
      return spawnSync(ffmpeg ?? '', args, { encoding: 'utf8' }).stderr;
    })
    .join('');
}

/** Waits until it holds. */
export async function until(condition: () => boolean, seconds = 60): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`still not so: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
