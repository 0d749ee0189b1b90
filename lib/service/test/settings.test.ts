import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadSettings, readCredential, SettingsError } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'opennvr-settings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schema = z.strictObject({
  socketPath: z.string(),
  frames: z
    .strictObject({ capBytes: z.int().positive().default(1024), dir: z.string().optional() })
    .prefault({}),
  hosts: z.array(z.string()).default([]),
});

function file(content: unknown): string {
  const path = join(folder, `settings-${Math.random()}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function problem(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as Error).message;
  }
  throw new Error('was accepted');
}

const load = (path: string, env: NodeJS.ProcessEnv = {}) =>
  loadSettings(schema, { file: path, envPrefix: 'OPENNVR_X', env });

describe('settings', () => {
  it('come from the file, with defaults', () => {
    expect(load(file({ socketPath: '/s' }))).toEqual({
      socketPath: '/s',
      frames: { capBytes: 1024 },
      hosts: [],
    });
  });

  it('are overridden by the environment, as text or as JSON', () => {
    const env = {
      OPENNVR_X_SOCKET_PATH: '/other',
      OPENNVR_X_FRAMES_CAP_BYTES: '2048',
      OPENNVR_X_FRAMES_DIR: '/frames',
      OPENNVR_X_HOSTS: '["a","b"]',
      UNRELATED: 'x',
    };
    expect(load(file({ socketPath: '/s' }), env)).toEqual({
      socketPath: '/other',
      frames: { capBytes: 2048, dir: '/frames' },
      hosts: ['a', 'b'],
    });
  });

  it.each([
    ['an unknown key', { socketPath: '/s', colour: 'red' }, ['unknown key "colour"']],
    ['an unknown key inside', { socketPath: '/s', frames: { capByte: 1 } }, ['unknown key "frames.capByte"']],
    ['a wrong type', { socketPath: 7 }, ['"socketPath"', 'expected string', 'received number']],
    [
      'a wrong type inside',
      { socketPath: '/s', frames: { capBytes: 'much' } },
      ['"frames.capBytes"', 'expected'],
    ],
    ['a value out of range', { socketPath: '/s', frames: { capBytes: 0 } }, ['"frames.capBytes"', '>0']],
    ['a missing key', {}, ['"socketPath"', 'expected string']],
    ['a list', [], ['expected a JSON object']],
    ['no JSON', '{"socketPath": ', ['not JSON']],
    ['several at once', { frames: 1, hosts: 'a' }, ['"socketPath"', '"frames"', '"hosts"']],
  ])('name file, key and expected type: %s', (_, content, wanted) => {
    const path = file(content);
    const message = problem(() => load(path));
    for (const part of [path, ...wanted]) expect(message).toContain(part);
  });

  it('name the variable when that is what is wrong', () => {
    const path = file({ socketPath: '/s' });
    expect(problem(() => load(path, { OPENNVR_X_FRAMES_CAP_BYTES: 'much' }))).toMatch(
      /OPENNVR_X_FRAMES_CAP_BYTES.*"frames.capBytes"/,
    );
    expect(problem(() => load(path, { OPENNVR_X_CAP: '1' }))).toContain('OPENNVR_X_CAP');
    expect(
      problem(() => load(file({ socketPath: '/s', frames: 3 }), { OPENNVR_X_FRAMES_DIR: '/f' })),
    ).toContain('OPENNVR_X_FRAMES_DIR');
  });

  it('need their file, unless it may be absent', () => {
    const absent = join(folder, 'absent.json');
    expect(problem(() => load(absent))).toContain(absent);
    const env = { OPENNVR_X_SOCKET_PATH: '/s' };
    expect(
      loadSettings(schema, { file: absent, optional: true, envPrefix: 'OPENNVR_X', env }).socketPath,
    ).toBe('/s');
  });

  it.each([
    '{"password":hunter2}',
    '{"password":"hunter2"x}',
    '{"password":"hunter2',
    'hunter2',
    '{"a":"hunter2","b":\u0001}',
  ])('never quote a file that is not JSON: %#', (text) => {
    expect(problem(() => load(file(text)))).toMatch(/\.json: not JSON( at position \d+)?$/);
  });

  it('are refused when the file is out of all proportion', () => {
    expect(problem(() => load(file(`{"socketPath":"${'x'.repeat(1024 * 1024)}"}`)))).toContain('larger than');
  });
});

describe('credentials', () => {
  const env = { CREDENTIALS_DIRECTORY: folder };

  it('are read without the newline an editor leaves', () => {
    writeFileSync(join(folder, 'token'), 'secret\n');
    expect(readCredential('token', env)).toBe('secret');
  });

  it('are missed by name', () => {
    expect(problem(() => readCredential('nothing', env))).toBe('credential "nothing": ENOENT');
    expect(problem(() => readCredential('token', {}))).toContain('CREDENTIALS_DIRECTORY');
  });

  it('are no film', () => {
    writeFileSync(join(folder, 'film'), 'x'.repeat(65_537));
    expect(problem(() => readCredential('film', env))).toContain('64 KiB');
  });
});
