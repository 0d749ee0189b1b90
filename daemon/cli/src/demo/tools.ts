import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '@opennvr/service';
import { z } from 'zod';
import { CliError, EXIT } from '../exit.ts';
import type { EngineName } from './arguments.ts';

/** Oldest MediaMTX our adapter drives. */
const OLDEST_MEDIAMTX = [1, 15] as const;
const toolsFile = z.object({ ffmpeg: z.string().optional() });

/** Folder of the bundles: where this program itself lies. */
export const bundleDir = fileURLToPath(new URL('.', import.meta.url));

/** Absolute path: FFMPEG_BIN, then what `make setup` found, then PATH. @throws CliError with status 3 when there is none. */
export function findFfmpeg(): string {
  const told = explain(() => findProgram('', 'FFMPEG_BIN'));
  const ffmpeg = told ?? fromSetup() ?? findProgram('ffmpeg');
  if (ffmpeg !== undefined) return resolve(ffmpeg);
  throw new CliError(
    EXIT.unavailable,
    'ffmpeg was not found: run "make setup", install it, or let FFMPEG_BIN point at it.',
  );
}

function fromSetup(): string | undefined {
  const file = fileURLToPath(new URL('../.cache/tools.json', import.meta.url));
  if (!existsSync(file)) return undefined;
  try {
    const { ffmpeg } = toolsFile.parse(JSON.parse(readFileSync(file, 'utf8')));
    return ffmpeg !== undefined && existsSync(ffmpeg) ? ffmpeg : undefined;
  } catch (error) {
    throw new CliError(
      EXIT.unavailable,
      `${file}: ${(error as Error).message}; "make setup" writes it anew.`,
    );
  }
}

export interface Engine {
  name: EngineName;
  /** Path of MediaMTX, for that engine. */
  bin: string | undefined;
  /** Why it is this one, when that needs saying. */
  note: string | undefined;
}

/**
 * The engine asked for; otherwise MediaMTX from MEDIAMTX_BIN or PATH when it is new enough, otherwise the embedded one.
 *
 * @throws CliError with status 3 when the engine asked for is not there.
 */
export function chooseEngine(asked: EngineName | undefined): Engine {
  if (asked === 'embedded') return { name: 'embedded', bin: undefined, note: undefined };
  const bin = explain(() => findProgram('mediamtx', 'MEDIAMTX_BIN'));
  const problem = bin === undefined ? 'MediaMTX was not found (MEDIAMTX_BIN, PATH)' : checkVersion(bin);
  if (problem === undefined) return { name: 'mediamtx', bin, note: undefined };
  if (asked === 'mediamtx') throw new CliError(EXIT.unavailable, `${problem}.`);
  return {
    name: 'embedded',
    bin: undefined,
    note: `${problem}: this is the embedded engine, for demos and tests.`,
  };
}

function checkVersion(bin: string): string | undefined {
  let said: string;
  try {
    said = execFileSync(bin, ['--version'], {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    return `${bin} --version failed: ${(error as Error).message}`;
  }
  const [major = 0, minor = 0] = (/v?(\d+)\.(\d+)/.exec(said) ?? []).slice(1).map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_MEDIAMTX;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined;
  return `MediaMTX ${said.trim().slice(0, 40)} is older than ${oldestMajor}.${oldestMinor}`;
}

function explain<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    throw new CliError(EXIT.unavailable, `${(error as Error).message}.`);
  }
}
