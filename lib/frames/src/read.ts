import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';

const { O_NOFOLLOW, O_RDONLY } = constants;
/** A keyframe of 16 MiB and its parameter sets. */
const MAX_FILE = 16 * 1024 * 1024 + 64 * 1024;

/**
 * Reads a frame without following a symbolic link, neither as the file nor as its folder.
 *
 * @returns undefined when there is no such regular file.
 */
export function readFrameFile(path: string): Buffer | undefined {
  const folder = lstatSync(dirname(path), { throwIfNoEntry: false });
  if (!folder?.isDirectory()) return undefined;
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ELOOP') return undefined;
    throw error;
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_FILE) return undefined;
    const data = Buffer.allocUnsafeSlow(stat.size);
    let at = 0;
    while (at < data.length) {
      const read = readSync(fd, data, at, data.length - at, at);
      if (read === 0) break;
      at += read;
    }
    return data.subarray(0, at);
  } finally {
    closeSync(fd);
  }
}
