import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findProgram } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'opennvr-programs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const [a, b] = [join(folder, 'a'), join(folder, 'b')] as const;
for (const path of [a, b, join(a, 'folder')]) mkdirSync(path);
for (const path of [join(a, 'plain'), join(b, 'tool'), join(b, 'folder'), join(b, 'plain')]) {
  writeFileSync(path, '#!/bin/sh\n', { mode: path === join(a, 'plain') ? 0o644 : 0o755 });
}
const PATH = `${a}::${join(folder, 'absent')}:${b}`;

describe('finding a program', () => {
  it.each([
    ['along PATH', 'tool', join(b, 'tool')],
    ['not a folder of that name', 'folder', join(b, 'folder')],
    ['not what cannot be run', 'plain', join(b, 'plain')],
    ['nothing', 'nothing', undefined],
  ])('%s', (_, name, path) => {
    expect(findProgram(name, 'TOOL_BIN', { PATH })).toBe(path);
  });

  it('goes by the variable first', () => {
    expect(findProgram('tool', 'TOOL_BIN', { PATH, TOOL_BIN: join(b, 'plain') })).toBe(join(b, 'plain'));
    expect(findProgram('tool', 'TOOL_BIN', { PATH, TOOL_BIN: '' })).toBe(join(b, 'tool'));
    expect(() => findProgram('tool', 'TOOL_BIN', { PATH, TOOL_BIN: a })).toThrow('TOOL_BIN');
    expect(findProgram('tool', undefined, {})).toBeUndefined();
  });
});
