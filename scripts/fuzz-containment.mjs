// Random rulesets against this machine's kernel: node scripts/fuzz-containment.mjs [HOW_MANY] [FIRST_SEED]; needs root.
import { spawn } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = `${root}/dist/fuzz-containment/main.js`;
await bundle(`${root}/tests/isolation/fuzz/main.ts`, out);
await copyFile(`${root}/tests/isolation/fuzz/send.py`, `${root}/dist/fuzz-containment/send.py`);
const child = spawn(process.execPath, ['--enable-source-maps', out, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
child.on('exit', (code) => process.exit(code ?? 1));
