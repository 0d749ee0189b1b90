import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './sources.ts';

interface Entry {
  link?: boolean;
  resolved?: string;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>;
};

/** Whether the lock tells which `name` the package at `path` gets: from its own node_modules or one further up. */
function isLocked(path: string, name: string): boolean {
  for (let above = path; ; above = above.slice(0, Math.max(0, above.lastIndexOf('node_modules/') - 1))) {
    if (`${above === '' ? '' : `${above}/`}node_modules/${name}` in packages) return true;
    if (above === '') return false;
  }
}

// A registry that carries a release for some machines only makes npm write a lock that `npm ci` refuses.
it('the lock holds every package for every machine', () => {
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !isLocked(path, name))
      .map((name) => `${path || 'package.json'} wants ${name}`),
  );
  expect(missing).toEqual([]);
});

it('the lock says of every package what it hashes to, and of none where it came from', () => {
  const vague = Object.entries(packages)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.link)
    .filter(([, { resolved, integrity }]) => resolved !== undefined || !integrity?.startsWith('sha512-'));
  expect(vague.map(([path]) => path)).toEqual([]);
});
