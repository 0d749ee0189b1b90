import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { clearSocketPath, restrictSocket, SocketPathError } from '../src/index.ts';
import { runPython } from './python.ts';

const folder = mkdtempSync(join(tmpdir(), 'opennvr-socket-'));
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function listen(path: string): Promise<Server> {
  const server = createServer();
  servers.push(server);
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

describe('a socket path', () => {
  it('gets its folder, closed to others', async () => {
    const path = join(folder, 'new', 'x.sock');
    await clearSocketPath(path);
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o750);
  });

  it('is freed of a socket nobody serves any more', async () => {
    const path = join(folder, 'stale.sock');
    await runPython(`import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`);
    expect(existsSync(path)).toBe(true);
    await clearSocketPath(path);
    expect(existsSync(path)).toBe(false);
  });

  it('is not taken from whoever serves it', async () => {
    const path = join(folder, 'served.sock');
    await listen(path);
    await expect(clearSocketPath(path)).rejects.toThrow(SocketPathError);
    expect(existsSync(path)).toBe(true);
  });

  it('never costs a file', async () => {
    const path = join(folder, 'precious');
    writeFileSync(path, 'footage');
    await expect(clearSocketPath(path)).rejects.toThrow('is no socket');
    expect(existsSync(path)).toBe(true);
  });

  it('is measured in bytes', async () => {
    await expect(clearSocketPath(join(folder, 'ö'.repeat(50)))).rejects.toThrow('107 bytes');
  });

  it('is for its owner and group', async () => {
    const path = join(folder, 'mode.sock');
    await listen(path);
    restrictSocket(path);
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });
});
