import { lstatSync, realpathSync } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '@opennvr/service';

/** A process that holds deleted frames open or mapped. */
export interface Pinner {
  pid: number;
  /** Clock ticks since boot (proc(5), field 22): with the pid it names one process for good. */
  startTime: string;
  /** Inode → bytes, of deleted files only. */
  inodes: Map<number, number>;
}

/** proc(5) maps: address, permissions, offset, device, inode, path. */
const MAPS_LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) \S+ [0-9a-f]+ ([0-9a-f]{1,8}):([0-9a-f]{1,8}) (\d{1,20}) +(.*) \(deleted\)$/;

/** Bytes of a process' deleted mappings in the store. */
export function parseMaps(
  text: string,
  inStore: (device: number, path: string) => boolean,
): Map<number, number> {
  const inodes = new Map<number, number>();
  for (const line of text.split('\n')) {
    if (!line.endsWith('(deleted)')) continue;
    const [, from, to, major, minor, inode, path] = MAPS_LINE.exec(line) ?? [];
    if (path === undefined || !inStore(makedev(hex(major), hex(minor)), path)) continue;
    const key = Number(inode);
    inodes.set(key, (inodes.get(key) ?? 0) + Math.max(0, hex(to) - hex(from)));
  }
  return inodes;
}

/**
 * Looks through /proc for processes that hold deleted frames of the store at `dir`.
 * Files are told by device where the store is a filesystem of its own (a reader in another mount
 * namespace sees other paths), by path otherwise. Processes we may not look into are left out.
 */
export async function findPinners(dir: string, ownFilesystem: boolean): Promise<Pinner[]> {
  const root = `${realpathSync(dir)}/`;
  const { dev } = lstatSync(dir);
  const inStore = (device: number, path: string) => (ownFilesystem ? device === dev : path.startsWith(root));
  const found: Pinner[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const startTime = await processStart(pid);
    if (startTime === undefined) continue;
    const inodes = parseMaps(await readFile(`/proc/${pid}/maps`, 'latin1').catch(() => ''), inStore);
    await addOpenFiles(pid, inStore, inodes);
    if (inodes.size > 0) found.push({ pid, startTime, inodes });
  }
  return found;
}

/** When the process started; undefined once it is gone. */
export async function processStart(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The command name may hold spaces and parentheses: count from its last one.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

async function addOpenFiles(
  pid: number,
  inStore: (device: number, path: string) => boolean,
  inodes: Map<number, number>,
): Promise<void> {
  const folder = `/proc/${pid}/fd`;
  for (const fd of await readdir(folder).catch(() => [])) {
    const path = await readlink(join(folder, fd)).catch(() => '');
    if (!path.endsWith(' (deleted)')) continue;
    const file = await stat(join(folder, fd)).catch(() => undefined);
    if (file?.isFile() && inStore(file.dev, path)) inodes.set(file.ino, file.size);
  }
}

/** What two looks half a second apart agree on: still holding the same frames is no passing read. */
export async function findLastingPinners(
  dir: string,
  ownFilesystem: boolean,
  clock: Clock,
): Promise<{ pinner: Pinner; bytes: number }[]> {
  const first = await findPinners(dir, ownFilesystem);
  if (first.length === 0) return [];
  await sleep(clock, 500);
  const again = new Map((await findPinners(dir, ownFilesystem)).map((p) => [p.pid, p]));
  const lasting = first.flatMap((before) => {
    const now = again.get(before.pid);
    if (now?.startTime !== before.startTime) return [];
    let bytes = 0;
    for (const [inode, size] of now.inodes) if (before.inodes.has(inode)) bytes += size;
    return bytes > 0 ? [{ pinner: now, bytes }] : [];
  });
  return lasting.sort((a, b) => b.bytes - a.bytes);
}

/** As stat(2) encodes a device on Linux: 8 bits of minor, 12 of major, the rest of both above. */
function makedev(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 256 + (minor >>> 8) * 1_048_576;
}

function hex(text: string | undefined): number {
  return Number.parseInt(text ?? '', 16);
}
