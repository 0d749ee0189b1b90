import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { validateCameras } from './cameras.ts';
import { type CameraSpec, MediaError } from './types.ts';

/** Where the set of cameras outlives the process. */
export interface CameraStore {
  /** The stored set; empty when there is none yet. @throws MediaError when it cannot be used. */
  load(): Promise<CameraSpec[]>;
  /** Returns once the set is on disk. */
  save(cameras: readonly CameraSpec[]): Promise<void>;
}

const VERSION = 1;

/**
 * A {@link CameraStore} in one JSON file, mode 0600, the only place credentials are kept.
 * A file that cannot be read is an error and is left as it is: it may be all there is of the configuration.
 */
export function cameraFile(path: string): CameraStore {
  return {
    async load() {
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw new MediaError('precondition', `${path}: ${(error as NodeJS.ErrnoException).code}`);
      }
      return validateCameras(parseCameraFile(path, text));
    },
    save: (cameras) =>
      writeDurably(path, `${JSON.stringify({ version: VERSION, cameras }, undefined, 1)}\n`, 0o600),
  };
}

const FIELDS = {
  id: 'string',
  url: 'string',
  username: 'string',
  password: 'string',
  transport: 'number',
  tlsFingerprint: 'string',
  record: 'boolean',
} as const satisfies Record<keyof CameraSpec, string>;

/**
 * The set in a file's text, its types checked, its values not yet.
 *
 * @throws MediaError FAILED_PRECONDITION that names the field and quotes nothing.
 */
export function parseCameraFile(path: string, text: string): CameraSpec[] {
  // A JSON error quotes the text it failed on, and that text holds credentials.
  const unusable = (problem: string) => new MediaError('precondition', `${path}: ${problem}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unusable('not JSON');
  }
  const { version, cameras } = (value ?? {}) as { version?: unknown; cameras?: unknown };
  if (version !== VERSION) throw unusable(`expected "version": ${VERSION}`);
  if (!Array.isArray(cameras)) throw unusable('"cameras" is no list');
  for (const [index, camera] of cameras.entries()) {
    for (const [field, type] of Object.entries(FIELDS)) {
      const found = typeof (camera as Record<string, unknown> | null)?.[field];
      if (found !== type) throw unusable(`cameras[${index}].${field}: expected ${type}, found ${found}`);
    }
  }
  return cameras as CameraSpec[];
}

/**
 * Replaces a file so that a crash or a power cut leaves the old text or the new, never a mixture:
 * written beside it, synced, renamed, folder synced.
 */
export async function writeDurably(path: string, text: string, mode: number): Promise<void> {
  const folder = dirname(path);
  const draft = `${path}.new`;
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await rm(draft, { force: true });
  const file = await open(draft, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(draft, mode);
  await rename(draft, path);
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
