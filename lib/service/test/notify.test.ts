import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createLogger, findProgram, ServiceManager, systemClock } from '../src/index.ts';
import { startPython } from './python.ts';

const missing = findProgram('systemd-notify') ? '' : ' (skipped: no systemd-notify)';
const folder = mkdtempSync(join(tmpdir(), 'opennvr-notify-'));
const log = createLogger('test', { level: 'silent' });
const cleanUp: (() => void)[] = [];
const before = process.env.NOTIFY_SOCKET;
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Listens as systemd would, and prints each message on a line. */
async function systemd() {
  const path = join(folder, `notify-${Math.random()}.sock`);
  const python = startPython(`
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(${JSON.stringify(path)})
print('listening')
while True:
    message = s.recv(4096).decode().strip().replace('\\n', ' ')
    if message != 'BARRIER=1':  # systemd-notify waits for its own message to be read
        print(message)
`);
  cleanUp.push(() => python.child.kill());
  // The program that sends reads it from its own environment, which it has from ours.
  process.env.NOTIFY_SOCKET = path;
  cleanUp.push(() => {
    if (before === undefined) delete process.env.NOTIFY_SOCKET;
    else process.env.NOTIFY_SOCKET = before;
  });
  await python.line(1);
  return { path, python };
}

describe.skipIf(missing !== '')(`the service manager${missing}`, () => {
  it('hears that we are ready, how we are, and that we stop', async () => {
    const { path, python } = await systemd();
    const manager = new ServiceManager(systemClock, log, { NOTIFY_SOCKET: path });
    await manager.ready('3 cameras');
    await python.line(2);
    expect(python.lines[1]).toContain('READY=1');
    expect(python.lines[1]).toContain('STATUS=3 cameras');
    manager.stopping();
    expect(await python.line(3)).toContain('STOPPING=1');
  });

  it('is fed as often as it wants, until we stop', async () => {
    const { path, python } = await systemd();
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '300000', WATCHDOG_PID: String(process.pid) };
    const manager = new ServiceManager(systemClock, log, env);
    await manager.ready('up');
    await python.line(6);
    expect(python.lines.filter((line) => line.includes('WATCHDOG=1')).length).toBeGreaterThanOrEqual(3);
    manager.stopping();
    const fed = () => python.lines.filter((line) => line.includes('WATCHDOG=1')).length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const last = fed();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(fed()).toBe(last);
  });

  it('is not fed when it watches another process', async () => {
    const { path, python } = await systemd();
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' };
    const manager = new ServiceManager(systemClock, log, env);
    await manager.ready('up');
    manager.stopping();
    await python.line(3);
    expect(python.lines.filter((line) => line.includes('WATCHDOG'))).toEqual([]);
  });
});

describe('without a service manager', () => {
  it('nothing is sent and nothing fails', async () => {
    const manager = new ServiceManager(systemClock, log, {});
    await manager.ready('up');
    manager.stopping();
  });
});
