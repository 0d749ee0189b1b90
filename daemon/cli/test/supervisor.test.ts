import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@opennvr/service';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Supervisor } from '../src/demo/supervisor.ts';

const folder = mkdtempSync(join(tmpdir(), 'opennvr-supervisor-'));
const supervisors: Supervisor[] = [];
afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) await supervisor.close(1000);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A supervisor, and a way to write programs for it: each leaves the pids of its processes in a file. */
function setUp() {
  const dir = mkdtempSync(join(folder, 'run-'));
  const errors: string[] = [];
  const gone: string[] = [];
  const supervisor = new Supervisor({
    clock: systemClock,
    logDir: dir,
    onError: (message) => errors.push(message),
    onGone: (message) => gone.push(message),
  });
  supervisors.push(supervisor);
  const pidFile = join(dir, 'pids');
  const program = (
    name: string,
    body: string,
    restart = true,
    onMessage: (message: unknown) => void = () => undefined,
  ) => {
    const bundle = join(dir, `${name}.mjs`);
    const note = `import { appendFileSync as _a } from 'node:fs'; _a(${JSON.stringify(pidFile)}, process.pid + '\\n');`;
    writeFileSync(bundle, `${note}\n${body}\n`);
    return { name, bundle, args: [], restart, onMessage };
  };
  const pids = () =>
    existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split('\n').map(Number) : [];
  return { supervisor, errors, gone, program, pids };
}

const LIVE = 'setInterval(() => {}, 1000); process.once("disconnect", () => process.exit());';

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`still not so: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function alive(pid: number | undefined): boolean {
  try {
    return (
      pid !== undefined &&
      process.kill(pid, 0) &&
      !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    );
  } catch {
    return false;
  }
}

describe('the supervisor', () => {
  it('starts again what was killed, and tells', async () => {
    const { supervisor, errors, program, pids } = setUp();
    supervisor.start(program('worker', LIVE));
    await until(() => pids().length === 1);
    process.kill(pids()[0] ?? 0, 'SIGKILL');
    await until(() => pids().length === 2);
    expect(errors).toEqual(['worker was ended by SIGKILL; restarted after 100 ms']);
    expect(alive(pids()[1])).toBe(true);
  });

  it('repeats what a crashing program said last, and gives it up when it crashes on and on', async () => {
    const { supervisor, errors, gone, program } = setUp();
    // Faster than in life: its waits are the clock's.
    const hasty = { ...systemClock, after: (_: number, fn: () => void) => systemClock.after(0, fn) };
    const impatient = new Supervisor({
      clock: hasty,
      logDir: mkdtempSync(join(folder, 'log-')),
      onError: (message) => errors.push(message),
      onGone: (message) => gone.push(message),
    });
    supervisors.push(impatient);
    impatient.start(program('broken', 'throw new TypeError("the moon is missing");'));
    await until(() => gone.length > 0);
    expect(errors[0]).toBe(
      'broken ended with status 1: TypeError: the moon is missing; restarted after 100 ms',
    );
    expect(errors).toHaveLength(7);
    expect(gone).toEqual(['broken ended with status 1: TypeError: the moon is missing']);
    expect(supervisor.send('broken', {})).toBe(false);
  });

  it('quotes the last error of a log line', async () => {
    const { supervisor, gone, program } = setUp();
    const line = JSON.stringify({ level: 'fatal', msg: 'settings.json: unknown key "colour"' });
    supervisor.start(program('misled', `console.error(${JSON.stringify(line)}); process.exit(78);`));
    await until(() => gone.length > 0);
    expect(gone).toEqual(['misled ended with status 78: settings.json: unknown key "colour"']);
  });

  it('does not start again what must not be', async () => {
    const { supervisor, gone, program, pids } = setUp();
    supervisor.start(program('camera', 'process.exit(0);', false));
    await until(() => gone.length === 1);
    expect(gone).toEqual(['camera ended with status 0']);
    expect(pids()).toHaveLength(1);
  });

  it('kills what a dead program leaves behind', async () => {
    const { supervisor, program, pids } = setUp();
    const child = `process.stdout.write(String(process.pid)); setInterval(() => {}, 1000);`;
    const parent = `
      import { spawn } from 'node:child_process';
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'ignore' });
      _a(${JSON.stringify('PIDS')}, child.pid + '\\n');
      ${LIVE}`;
    const made = program('parent', '');
    const pidFile = join(made.bundle, '..', 'pids');
    writeFileSync(
      made.bundle,
      readFileSync(made.bundle, 'utf8') + parent.replace('"PIDS"', JSON.stringify(pidFile)),
    );
    supervisor.start(made);
    await until(() => pids().length === 2);
    const [leader, grandchild] = pids();
    process.kill(leader ?? 0, 'SIGKILL');
    await until(() => !alive(grandchild));
  });

  it('passes messages both ways', async () => {
    const { supervisor, program } = setUp();
    const heard: unknown[] = [];
    const echo = 'process.on("message", (m) => process.send({ heard: m })); process.send("up");';
    supervisor.start(program('echo', echo, true, (message) => heard.push(message)));
    await until(() => heard.includes('up'));
    expect(supervisor.send('echo', { type: 'count' })).toBe(true);
    await until(() => heard.length === 2);
    expect(heard[1]).toEqual({ heard: { type: 'count' } });
  });

  it('stops in the order told, by SIGTERM first, by SIGKILL when that is not enough', async () => {
    const { supervisor, errors, program, pids } = setUp();
    const graceful = 'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000);';
    const deaf = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);';
    supervisor.start(program('graceful', graceful));
    supervisor.start(program('deaf', deaf));
    await until(() => pids().length === 2);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await supervisor.stop(['graceful', 'deaf', 'nobody'], 300);
    expect(pids().some(alive)).toBe(false);
    expect(errors).toEqual(['deaf did not stop within 0.3 s and was killed']);
  });

  it('stops what is waiting to be started again', async () => {
    const { supervisor, errors, program, pids } = setUp();
    supervisor.start(program('ill', 'process.exit(1);'));
    await until(() => errors.length === 4);
    const started = pids().length;
    await supervisor.stop(['ill'], 1000);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(pids()).toHaveLength(started);
  });
});
