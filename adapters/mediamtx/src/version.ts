import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram } from '@opennvr/service';

/** Major, minor, patch. */
export type Version = readonly [number, number, number];

/** Before this the control API and the authentication keys are other ones. */
export const OLDEST: Version = [1, 15, 0];
/** The newest version the key table was compared with. */
export const NEWEST_KNOWN: Version = [1, 20, 1];

/** MediaMTX is missing, cannot be run, or is too old. */
export class VersionError extends Error {
  override name = 'VersionError';
}

export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

export function formatVersion(version: Version): string {
  return version.join('.');
}

/** Reads `v1.20.1` as `mediamtx --version` prints it; undefined when it is something else. */
export function parseVersion(text: string): Version | undefined {
  const found = /^v?(\d{1,5})\.(\d{1,5})\.(\d{1,5})/.exec(text.trim());
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : undefined;
}

/** The path of a program given by path or by name: it runs without our environment, so without our PATH. */
export function programPath(bin: string): string {
  return bin.includes('/') ? bin : (findProgram(bin) ?? bin);
}

/**
 * Asks the program for its version.
 *
 * @throws VersionError when it cannot be run, says nothing we understand, or is older than {@link OLDEST}.
 */
export async function findVersion(bin: string): Promise<Version> {
  let text: string;
  try {
    text = (await promisify(execFile)(bin, ['--version'], { timeout: 20_000, maxBuffer: 4096, env: {} }))
      .stdout;
  } catch (error) {
    throw new VersionError(`${bin} --version failed: ${(error as Error).message.split('\n')[0]}`);
  }
  const version = parseVersion(text);
  if (!version)
    throw new VersionError(`${bin} --version printed "${text.trim().slice(0, 80)}", no version number`);
  if (compareVersions(version, OLDEST) < 0) {
    throw new VersionError(
      `${bin} is MediaMTX ${formatVersion(version)}; ${formatVersion(OLDEST)} or newer is needed`,
    );
  }
  return version;
}
