// The long runs against this machine's kernel, as root: node scripts/fuzz-containment.mjs fuzz|lab [ARGS]
import { spawn } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [which = 'fuzz', ...rest] = process.argv.slice(2);
const folder = `${root}/dist/isolation/long`;
await bundle(`${root}/tests/isolation/${which}/main.ts`, `${folder}/${which}.js`);
await copyFile(`${root}/tests/isolation/fuzz/send.py`, `${folder}/send.py`);
const child = spawn(process.execPath, ['--enable-source-maps', `${folder}/${which}.js`, ...rest], {
  stdio: 'inherit',
});
child.on('exit', (code) => process.exit(code ?? 1));
