import {
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writevSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileName, parseFrameUri } from '@opennvr/frames';

// Synchronous on purpose: on tmpfs each call is microseconds, a thread pool hop is tens of them.

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** Buffers one writev(2) takes (IOV_MAX). */
const MAX_PARTS = 1024;
/** Written here, then renamed; no URI can name it. */
const TEMPORARY = '.new';
/** Adapters' views, below the store's folder. */
export const VIEWS = 'views';

/** Writes `parts`, one after the other, as `dir/name`: who opens it sees all of it or, until then, nothing. */
export function writeAtomically(
  dir: string,
  name: string,
  parts: readonly NodeJS.ArrayBufferView[],
  alias?: string,
): void {
  const temporary = join(dir, TEMPORARY);
  try {
    writeParts(openNew(dir, temporary), parts);
    if (alias === undefined) {
      renameSync(temporary, join(dir, name));
      return;
    }
    // One rename fewer than making the alias afterwards; the name is there before the alias.
    linkSync(temporary, join(dir, name));
    renameSync(temporary, join(dir, alias));
  } catch (error) {
    unlinkIfThere(temporary);
    if (alias !== undefined) unlinkIfThere(join(dir, name));
    throw error;
  }
}

function openNew(dir: string, path: string): number {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  try {
    return openSync(path, flags, 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dir, { recursive: true, mode: 0o2750 });
    return openSync(path, flags, 0o640);
  }
}

function writeParts(fd: number, parts: readonly NodeJS.ArrayBufferView[]): void {
  try {
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
    let written = 0;
    for (let at = 0; at < parts.length; at += MAX_PARTS)
      written += writevSync(fd, parts.slice(at, at + MAX_PARTS));
    if (written !== length) throw new Error(`wrote ${written} of ${length} bytes`);
  } finally {
    closeSync(fd);
  }
}

/** Deletes a file that may be gone already. */
export function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Makes the store's folder, and empties it of what an earlier run left. */
export function openStoreDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o2750 });
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory() && isCameraFolder(entry.name)) removeCameraDir(join(dir, entry.name));
  }
  emptyViews(join(dir, VIEWS));
}

/** Adapters may still have them mounted: the folders of the views stay. */
function emptyViews(dir: string): void {
  if (!lstatSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  for (const view of readdirSync(dir, { withFileTypes: true })) {
    if (!view.isDirectory()) continue;
    const path = join(dir, view.name);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory() && isCameraFolder(entry.name)) removeCameraDir(join(path, entry.name));
    }
  }
}

/**
 * Removes a camera's folder. Deletes only what the store may have made, should its folder turn out to be
 * somebody else's; the folder stays when anything else is in it.
 */
export function removeCameraDir(path: string): void {
  if (!lstatSync(path, { throwIfNoEntry: false })) return;
  let foreign = 0;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isFile() && (entry.name === TEMPORARY || isFrameFile(entry.name)))
      unlinkSync(join(path, entry.name));
    else foreign++;
  }
  if (foreign === 0) rmdirSync(path);
}

function isCameraFolder(name: string): boolean {
  return parses(`opennvr://frames/${name}/${fileName({ frame: 'latest', format: 'h264', width: 0 })}`);
}

function isFrameFile(name: string): boolean {
  return parses(`opennvr://frames/camera_x/${name}`);
}

function parses(uri: string): boolean {
  try {
    parseFrameUri(uri);
    return true;
  } catch {
    return false;
  }
}
