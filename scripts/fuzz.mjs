// Bundles and runs the fuzz targets of lib/rtsp: node scripts/fuzz.mjs [--runs N] [--seed S] [--target NAME],
// or those of daemon/kaic or daemon/decoder: node scripts/fuzz.mjs kaic|decoder [--runs N] [--seed S]
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const daemon = ['kaic', 'decoder'].includes(args[0]) ? args.shift() : undefined;
const out = `${root}/dist/fuzz/${daemon ?? 'rtsp'}.js`;
await bundle(`${root}/${daemon ? `daemon/${daemon}` : 'lib/rtsp'}/fuzz/run.ts`, out);
const child = spawn(process.execPath, ['--enable-source-maps', out, ...args], {
  stdio: 'inherit',
});
child.on('exit', (code) => process.exit(code ?? 1));
