import {
  accessSync,
  constants,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** statfs(2) f_type of tmpfs. */
const TMPFS_MAGIC = 0x01021994;
const PREFIX = 'opennvr-demo-';
const PID_FILE = 'pid';
/** A folder this new may not have its pid file yet. */
const YOUNG_MS = 10_000;

/** Private folders of one demo, gone when it ends. */
export interface RunDirectory {
  /** Sockets, settings, state. Short: a socket path has 107 bytes. */
  path: string;
  /** The frame store's folder. */
  frames: string;
  /** Whether `frames` lies in memory. */
  framesInMemory: boolean;
  remove(): void;
}

/** Makes the folders, mode 0700, and removes those of demos that were killed. */
export function makeRunDirectory(): RunDirectory {
  for (const stale of demoFolders().filter((folder) => !folder.alive)) {
    rmSync(stale.path, { recursive: true, force: true });
  }
  const path = makeFolder(writable('/run') ? '/run' : tmpdir());
  const memory = ['/run', '/dev/shm'].find((folder) => writable(folder) && isTmpfs(folder));
  const frames = memory === undefined || path.startsWith(`${memory}/`) ? path : makeFolder(memory);
  mkdirSync(join(frames, 'frames'), { mode: 0o700 });
  return {
    path,
    frames: join(frames, 'frames'),
    framesInMemory: memory !== undefined,
    remove() {
      for (const folder of new Set([frames, path])) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The kaic socket of the newest demo that is running; undefined when none is. */
export function runningDemoSocket(): string | undefined {
  const newest = demoFolders()
    .filter((folder) => folder.alive && isSocket(kaicSocket(folder.path)))
    .sort((a, b) => b.since - a.since)[0];
  return newest && kaicSocket(newest.path);
}

export function kaicSocket(runDirectory: string): string {
  return join(runDirectory, 'kaic', 'kaic.sock');
}

function makeFolder(base: string): string {
  const path = mkdtempSync(join(base, PREFIX));
  writeFileSync(join(path, PID_FILE), String(process.pid));
  return path;
}

/** Folders of this user's demos, wherever they may lie. Other users' are none of our business. */
function demoFolders(): { path: string; alive: boolean; since: number }[] {
  const user = process.getuid?.();
  return ['/run', '/dev/shm', tmpdir()].flatMap((base) =>
    namesIn(base)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => join(base, name))
      .flatMap((path) => {
        const stat = lstatSync(path, { throwIfNoEntry: false });
        if (!stat?.isDirectory() || stat.uid !== user) return [];
        const young = Date.now() - stat.ctimeMs < YOUNG_MS;
        return [{ path, alive: young || isAlive(path), since: stat.ctimeMs }];
      }),
  );
}

function isAlive(folder: string): boolean {
  try {
    return process.kill(Number(readFileSync(join(folder, PID_FILE), 'utf8')), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function writable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isTmpfs(folder: string): boolean {
  return statfsSync(folder).type === TMPFS_MAGIC;
}
