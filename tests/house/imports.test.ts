import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root, sourceFiles } from './sources.ts';

/** May a package in the first place import one in the second? The table of CONTRIBUTING.md. */
const ALLOWED: Record<string, readonly string[]> = {
  proto: [],
  lib: ['proto'],
  daemon: ['proto', 'lib'],
  adapters: ['proto', 'lib'],
  tests: ['proto', 'lib', 'daemon', 'adapters', 'tests', 'bench'],
  bench: ['proto', 'lib', 'daemon', 'adapters', 'tests'],
};
/** Adapters are written against it. */
const SDK = 'adapters/sdk';

/** Package name → folder, of every workspace. */
const packages = new Map(
  Object.keys(ALLOWED).flatMap((area) => {
    const folders = ['proto', 'tests', 'bench'].includes(area)
      ? [area]
      : readdirSync(join(root, area)).map((name) => `${area}/${name}`);
    return folders.map((folder) => {
      const { name } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
        name: string;
      };
      return [name, folder] as const;
    });
  }),
);

function importsOf(text: string): string[] {
  const from = /(?:^|[\s;}])(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?\s*['"]([^'"]+)['"]/g;
  const dynamic = /\bimport\(\s*['"]([^'"]+)['"]/g;
  return [...text.matchAll(from), ...text.matchAll(dynamic)].map((match) => match[1] ?? '');
}

/** The package folder an import leads to; undefined for what is not ours. */
function target(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return packageOf(relative(root, resolve(root, dirname(file), specifier)));
  const name = specifier.split('/').slice(0, 2).join('/');
  return packages.get(name);
}

function packageOf(path: string): string | undefined {
  return [...packages.values()].find((folder) => path.startsWith(`${folder}/`));
}

/** Why this import may not be; undefined when it may. */
function objection(file: string, specifier: string): string | undefined {
  const here = packageOf(file);
  const there = target(file, specifier);
  if (here === undefined || there === undefined || here === there) return undefined;
  if (specifier.startsWith('.')) return 'imports another package by path, not by name';
  const [from = '', to = ''] = [here.split('/')[0], there.split('/')[0]];
  if (/(^|\/)(test|tests|bench|fuzz)\//.test(file)) return undefined;
  if (there === SDK && from === 'adapters') return undefined;
  if (ALLOWED[from]?.includes(to)) return undefined;
  return `${here} may not import ${there}`;
}

describe('imports go one way', () => {
  const files = sourceFiles('ts');

  it('in every file of ours', () => {
    const wrong = files.flatMap((file) =>
      importsOf(readFileSync(join(root, file), 'utf8')).flatMap((specifier) => {
        const why = objection(file, specifier);
        return why === undefined ? [] : [`${file}: "${specifier}": ${why}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('and what a package imports, its package.json names', () => {
    const missing = [...packages].flatMap(([, folder]) => {
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      const named = { ...manifest.dependencies, ...manifest.optionalDependencies };
      const used = files
        .filter((file) => file.startsWith(`${folder}/src/`))
        .flatMap((file) => importsOf(readFileSync(join(root, file), 'utf8')))
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .map((specifier) =>
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
      return [...new Set(used)]
        .filter((name) => named[name] === undefined)
        .map((name) => `${folder}: ${name}`);
    });
    expect(missing).toEqual([]);
  });

  it.each([
    ['lib/rtsp/src/x.ts', '@opennvr/service'],
    ['lib/rtsp/src/x.ts', '@opennvr/kaic'],
    ['daemon/cli/src/x.ts', '@opennvr/kaic'],
    ['adapters/motion/src/x.ts', '@opennvr/mediamtx'],
    ['daemon/kaic/src/x.ts', '@opennvr/adapter-sdk'],
    ['daemon/kaic/src/x.ts', '../../../lib/rtsp/src/index.ts'],
    ['proto/x.ts', '@opennvr/rtsp'],
  ])('%s may not import %s', (file, specifier) => {
    expect(objection(file, specifier)).toBeDefined();
  });

  it.each([
    ['adapters/motion/src/x.ts', '@opennvr/adapter-sdk'],
    ['daemon/kaic/src/x.ts', '@opennvr/proto/opennvr/kaic/v1/kaic'],
    ['daemon/kaic/src/x.ts', './y.ts'],
    ['daemon/kaic/test/x.ts', '@opennvr/simcam'],
    ['lib/media/fuzz/x.ts', '@opennvr/tests/fuzz'],
    ['tests/e2e/x.ts', '@opennvr/kaic'],
    ['daemon/kaic/src/x.ts', 'node:fs'],
  ])('%s may import %s', (file, specifier) => {
    expect(objection(file, specifier)).toBeUndefined();
  });

  it('finds imports however they are written', () => {
    const text = `import a from 'a';\nimport type { B } from "b";\nexport * from 'c';\nimport 'd';\nawait import('e');\nimport {\n  f,\n  g } from 'f';`;
    expect(importsOf(text)).toEqual(['a', 'b', 'c', 'd', 'f', 'e']);
  });
});
