import { statSync } from 'node:fs';
import { loadSettings, SettingsError } from '@opennvr/service';
import { z } from 'zod';
import { CliError, EXIT } from '../exit.ts';

export interface Credentials {
  username: string;
  password: string;
}

const credentialsFile = z.record(
  z.string(),
  z.strictObject({ username: z.string().min(1).max(128), password: z.string().max(256) }),
);

/**
 * Reads user names and passwords of real cameras.
 *
 * @returns looks a camera up: by its whole URL, then by `host:port`, then by `host`.
 * @throws CliError when the file cannot be used, or others may read it.
 */
export function loadCredentials(file: string | undefined): (url: string) => Credentials | undefined {
  if (file === undefined) return () => undefined;
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat && (stat.mode & 0o077) !== 0) {
    throw new CliError(EXIT.usage, `${file} can be read by others: chmod 600 it.`);
  }
  try {
    const known = new Map(Object.entries(loadSettings(credentialsFile, { file })));
    return (url) => {
      const { host, hostname } = new URL(url);
      return known.get(url) ?? known.get(host) ?? known.get(hostname);
    };
  } catch (error) {
    if (error instanceof SettingsError) throw new CliError(EXIT.usage, error.message);
    throw error;
  }
}
