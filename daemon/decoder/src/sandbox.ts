import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { findProgram } from '@opennvr/service';

/** How decoder processes are started. */
export interface Sandbox {
  /** One line for the log: which walls stand. */
  description: string;
  /** Program and its first arguments; ffmpeg's own arguments follow. */
  command: readonly string[];
  /** Everything the process sees of an environment. */
  env: Readonly<Record<string, string>>;
}

export interface SandboxOptions {
  /** Absolute path; otherwise `FFMPEG_BIN`, then PATH. */
  ffmpegPath?: string | undefined;
  sandbox: 'auto' | 'bubblewrap' | 'none';
  memoryBytes: number;
}

/** ffmpeg, or the sandbox that was asked for, is not to be had. */
export class SandboxError extends Error {
  override name = 'SandboxError';
}

/** Read-only, as far as they exist: where programs and their libraries live. */
const SYSTEM_FOLDERS = [
  '/usr',
  '/lib',
  '/lib64',
  '/bin',
  '/nix/store',
  '/etc/ld.so.cache',
  '/etc/alternatives',
];

/**
 * Finds the strictest way to run ffmpeg that works on this machine, by trying it.
 *
 * @throws SandboxError when ffmpeg does not run, or `bubblewrap` was demanded and does not work.
 */
export function chooseSandbox(options: SandboxOptions): Sandbox {
  const found = options.ffmpegPath ?? findProgram('ffmpeg', 'FFMPEG_BIN');
  if (found === undefined) throw new SandboxError('ffmpeg: not on PATH, and FFMPEG_BIN is not set');
  if (!existsSync(found)) throw new SandboxError(`${found}: no such program`);
  // Symbolic links followed: a sandbox binds the file itself.
  const ffmpeg = realpathSync(found);
  const limits = limitPrefix(options.memoryBytes);
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
  const walls = limits.length > 0 ? 'memory and file limits' : 'no limits (prlimit is missing)';
  if (options.sandbox !== 'none') {
    const bubblewrap = findProgram('bwrap');
    if (bubblewrap !== undefined) {
      const command = [...limits, bubblewrap, ...bubblewrapArguments(ffmpeg), ffmpeg];
      const sandbox = { description: `bubblewrap: no network, no files, no rights; ${walls}`, command, env };
      if (works(sandbox)) return sandbox;
    }
    if (options.sandbox === 'bubblewrap') {
      throw new SandboxError('sandbox "bubblewrap": bwrap is missing or may not make namespaces here');
    }
  }
  const plain = { description: `none of its own; ${walls}`, command: [...limits, ffmpeg], env };
  if (works(plain)) return plain;
  throw new SandboxError(`${ffmpeg}: does not run`);
}

function limitPrefix(memoryBytes: number): string[] {
  const prlimit = findProgram('prlimit');
  if (prlimit === undefined) return [];
  const limits = [prlimit, `--as=${memoryBytes}`, '--core=0', '--fsize=0', '--nofile=64', '--'];
  return runs([...limits, '/bin/true']) ? limits : [];
}

function bubblewrapArguments(ffmpeg: string): string[] {
  const folders = SYSTEM_FOLDERS.filter((folder) => existsSync(folder));
  const covered = folders.some((folder) => ffmpeg.startsWith(`${folder}/`));
  return [
    '--unshare-all',
    '--die-with-parent',
    '--new-session',
    '--cap-drop',
    'ALL',
    ...folders.flatMap((folder) => ['--ro-bind', folder, folder]),
    ...(covered ? [] : ['--ro-bind', ffmpeg, ffmpeg]),
    '--chdir',
    '/',
    '--',
  ];
}

function works(sandbox: Sandbox): boolean {
  return runs([...sandbox.command, '-hide_banner', '-version'], sandbox.env);
}

function runs(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 10_000, env: { ...env } }).status === 0;
}
