import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@opennvr/service';
import { onTestFinished } from 'vitest';

export const silent = createLogger('test', { level: 'silent' });

/** A folder that goes when the file's tests end. */
export function keptScratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kaic-test-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A folder that goes when the test ends. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'kaic-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export const canMount = process.platform === 'linux' && process.getuid?.() === 0 && tryMount();

/** A tmpfs of its own, as on the appliance; unmounted when the test ends. */
export function tmpfs(bytes: number): string {
  const dir = join(scratch(), 'frames');
  mkdirSync(dir);
  mount(dir, bytes);
  // Lazily: a process of the test may still have files open.
  onTestFinished(() => void spawnSync('umount', ['--lazy', dir]));
  return dir;
}

type Falsy = undefined | false | '' | 0;

/** Waits until `probe` gives something. */
export async function until<T>(probe: () => T | Falsy, what: string, limitMs = 20_000): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const value = probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function mount(dir: string, bytes: number): boolean {
  const options = `size=${bytes},mode=2750,noexec,nosuid,nodev`;
  return spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'kaic-test', dir]).status === 0;
}

function tryMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'kaic-mount-'));
  try {
    return mount(dir, 4096) && spawnSync('umount', [dir]).status === 0;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
