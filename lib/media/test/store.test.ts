import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cameraFile } from '../src/index.ts';
import { camera } from './fixtures.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opennvr-media-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('cameraFile', () => {
  it('gives back what was saved, readable by its owner alone, and leaves nothing beside it', async () => {
    const path = join(folder, 'state', 'cameras.json');
    const set = [camera({ username: 'u', password: 'p"\\ä' })];
    await cameraFile(path).save(set);
    await cameraFile(path).save(set);
    expect(await cameraFile(path).load()).toEqual(set);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'state'))).toEqual(['cameras.json']);
  });

  it('is empty when there is no file yet', async () => {
    expect(await cameraFile(join(folder, 'none.json')).load()).toEqual([]);
  });

  it.each([
    ['not JSON', '{"version":1,"cameras":[{"password":"hush'],
    ['expected "version": 1', '{"version":2,"cameras":[]}'],
    ['"cameras" is no list', '{"version":1}'],
    ['cameras[0].id: expected string', '{"version":1,"cameras":[null]}'],
    ['cameras[0].url', JSON.stringify({ version: 1, cameras: [camera({ url: 'hush' })] })],
  ])('refuses a file with a reason (%s), without quoting it, and keeps it', async (reason, text) => {
    const path = join(folder, 'cameras.json');
    await writeFile(path, text);
    const error: unknown = await cameraFile(path)
      .load()
      .catch((e: unknown) => e);
    expect(String(error)).toContain(reason);
    expect(String(error)).not.toContain('hush');
    expect(await readFile(path, 'utf8')).toBe(text);
  });
});
