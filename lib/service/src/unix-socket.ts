import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** sun_path is 108 bytes with its terminating zero (unix(7)). */
const MAX_PATH = 107;

/** A socket path that cannot be used, and why. */
export class SocketPathError extends Error {
  override name = 'SocketPathError';
}

/**
 * Makes `path` free to bind: creates the folder (0750) where there is none, removes a stale socket.
 *
 * @throws SocketPathError when the path is too long, is something other than a socket, or is being served.
 */
export async function clearSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH) {
    throw new SocketPathError(`${path}: longer than ${MAX_PATH} bytes, the kernel's limit for a socket path`);
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (!stat.isSocket()) throw new SocketPathError(`${path}: exists and is no socket`);
  if (await answers(path)) throw new SocketPathError(`${path}: another process is serving it`);
  unlinkSync(path);
}

/** Lets the folder's group connect, nobody else: file modes are the identity. */
export function restrictSocket(path: string): void {
  chmodSync(path, 0o660);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const done = (result: boolean) => {
      probe.destroy();
      resolve(result);
    };
    probe.once('connect', () => done(true));
    probe.once('error', () => done(false));
  });
}
