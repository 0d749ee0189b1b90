// Bundles and runs every fuzz target: node scripts/fuzz.mjs [--runs N] [--seed S] [--target NAME]
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = `${root}/dist/fuzz/run.js`;
await bundle(`${root}/tests/fuzz/run.ts`, out);
const child = spawn(process.execPath, ['--enable-source-maps', out, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
child.on('exit', (code) => process.exit(code ?? 1));
