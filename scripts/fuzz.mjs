// Bundles and runs the fuzz targets of lib/rtsp: node scripts/fuzz.mjs [--runs N] [--seed S] [--target NAME],
// or those of daemon/kaic: node scripts/fuzz.mjs kaic [--runs N] [--seed S]
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const kaic = args[0] === 'kaic';
if (kaic) args.shift();
const out = `${root}/dist/fuzz/${kaic ? 'kaic' : 'rtsp'}.js`;
await bundle(`${root}/${kaic ? 'daemon/kaic' : 'lib/rtsp'}/fuzz/run.ts`, out);
const child = spawn(process.execPath, ['--enable-source-maps', out, ...args], {
  stdio: 'inherit',
});
child.on('exit', (code) => process.exit(code ?? 1));
