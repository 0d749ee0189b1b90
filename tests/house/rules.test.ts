import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { committedFiles, root, sourceFiles } from './sources.ts';

const MAX_LINES = 400;
/** File → why it may be longer. */
const MAY_BE_LONG: Record<string, string> = {};

const code = sourceFiles('ts');
const text = new Map(
  [...code, ...sourceFiles('mjs')].map((file) => [file, readFileSync(`${root}/${file}`, 'utf8')]),
);
/** Files whose text matches, with the line. The rules' own file holds what it looks for. */
function matching(files: readonly string[], pattern: RegExp): string[] {
  return files
    .filter((file) => !file.startsWith('tests/house/'))
    .flatMap((file) =>
      (text.get(file) ?? '')
        .split('\n')
        .flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
    );
}

describe('house rules', () => {
  it(`no file over ${MAX_LINES} lines without a reason`, () => {
    const long = code.filter((file) => (text.get(file) ?? '').split('\n').length > MAX_LINES);
    expect(long.filter((file) => MAY_BE_LONG[file] === undefined)).toEqual([]);
  });

  it('only lib/service reads the environment', () => {
    const programs = code.filter((file) => /^(lib|daemon|adapters)\/[^/]+\/src\//.test(file));
    const readers = programs.filter((file) => !file.startsWith('lib/service/'));
    expect(matching(readers, /\bprocess\.env\b/)).toEqual([]);
  });

  it('no lint, type check or test is switched off', () => {
    expect(
      matching(
        [...text.keys()],
        /biome-ignore lint|@ts-ignore|@ts-nocheck|@ts-expect-error|\b(it|test|describe)\.only\b/,
      ),
    ).toEqual([]);
  });

  it('no TODO', () => {
    expect(matching([...text.keys()], /\b(TODO|FIXME|XXX)\b/)).toEqual([]);
  });

  it('no path of the machine it was written on', () => {
    const paths = /(?<![\w.$}])\/(?:home|Users|work|opt)\/[a-z]/;
    expect(matching([...text.keys()], paths)).toEqual([]);
  });

  it('no large or built file is committed', () => {
    const files = committedFiles() ?? [];
    const large = files.filter(
      (file) => existsSync(`${root}/${file}`) && statSync(`${root}/${file}`).size > 2_000_000,
    );
    expect(large).toEqual([]);
    expect(files.filter((file) => /(^|\/)(node_modules|dist|gen)\//.test(file))).toEqual([]);
  });

  it('every dependency is argued for in docs/design/dependencies.md', () => {
    const argued = readFileSync(`${root}/docs/design/dependencies.md`, 'utf8');
    const manifests = (committedFiles() ?? ['package.json']).filter((file) =>
      /(^|\/)package\.json$/.test(file),
    );
    const missing = manifests.flatMap((file) => {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
        readFileSync(`${root}/${file}`, 'utf8'),
      );
      return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
        .filter((name) => !name.startsWith('@opennvr/') && !argued.includes(`\`${name}\``))
        .map((name) => `${file}: ${name}`);
    });
    expect(missing).toEqual([]);
  });
});
