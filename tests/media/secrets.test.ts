import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { listenersOf } from '../support/listeners.ts';
import { testCamera } from '../support/media-cameras.ts';
import { cameraMessage, processes } from '../support/media-engine.ts';
import { describeEngines } from '../support/media-suite.ts';

describeEngines('secrets', (suite) => {
  it('credentials are in one file, and in no log and no command line', { timeout: 120_000 }, async () => {
    const { engine } = suite;
    const password = 'hush/p:w@%?"\'x';
    const forms = [password, encodeURIComponent(password), JSON.stringify(password).slice(1, -1)];
    const camera = await testCamera({ auth: { username: 'admin', password, methods: ['basic'] } });
    suite.after(() => camera.close());
    await engine.start();
    await engine.apply([
      cameraMessage('door', camera.url, { username: 'admin', password }),
      cameraMessage('wrong', `${camera.url}/nothing`, { username: 'admin', password }),
    ]);
    await engine.status('door', (s) => s.recording);
    await engine.status('wrong', (s) => s.reason !== 0);
    const reader = await engine.readUrl('door');
    expect(reader.url).toMatch(/^rtsp:\/\/127\.0\.0\.1:\d+\//);
    expect(reader.url).not.toContain('@');
    expect(reader.password.length).toBeGreaterThanOrEqual(16);

    const base64 = Buffer.from(`admin:${password}`).toString('base64');
    const holds = (text: string) =>
      [...forms, base64, reader.password].filter((secret) => text.includes(secret));
    for (const { pid, argv } of processes()) {
      if (pid !== process.pid) expect(holds(argv), argv.slice(0, 80)).toEqual([]);
    }
    expect(JSON.stringify([...engine.statuses.values()])).not.toContain('hush');
    const holding: string[] = [];
    for (const name of await readdir(engine.folder, { recursive: true })) {
      const path = join(engine.folder, name);
      const info = await stat(path);
      if (!info.isFile() || name.endsWith('.mp4')) continue;
      const text = await readFile(path, 'utf8');
      if (!forms.some((form) => text.includes(form))) continue;
      holding.push(name);
      expect(info.mode & 0o777, name).toBe(0o600);
    }
    expect(holding).toHaveLength(1);
    await engine.stop();
    expect(holds(engine.output)).toEqual([]);
  });

  it('listens on nothing but what it says, and TCP on loopback alone', { timeout: 120_000 }, async () => {
    const { engine } = suite;
    const camera = await testCamera();
    suite.after(() => camera.close());
    await engine.start();
    await engine.apply([cameraMessage('door', camera.url, { transport: 1 })]);
    await engine.status('door', (s) => s.recording);
    const { name, version, listeners } = await engine.getEngine();
    // Nobody shall take the one for the other.
    expect(engine.output.includes('this is the embedded media engine')).toBe(name === 'embedded');
    expect(name).toBe(suite.kind.name);
    expect(version).toMatch(/^v?\d+\.\d+/);
    const found = listenersOf([engine.pid, ...engine.leftovers()]);
    expect(found.length).toBeGreaterThan(0);
    for (const { protocol, address, port } of found) {
      if (protocol === 'tcp') expect(address).toBe('127.0.0.1');
      const host = protocol === 'udp' ? '*' : address;
      expect(listeners).toContain(`${protocol} ${host}:${port}`);
    }
  });
});
