// Bundles one folder of bench/ and runs its main.ts: node scripts/bench.mjs NAME [its own arguments]
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name, ...args] = process.argv.slice(2);
const known = readdirSync(`${root}/bench`).filter((folder) => existsSync(`${root}/bench/${folder}/main.ts`));
if (!known.includes(name)) {
  console.error(`usage: make bench ARGS="NAME [options]", NAME one of: ${known.join(', ')}`);
  process.exit(64);
}
// Every file can be a process of its own, so every file is bundled.
const out = `${root}/dist/bench/${name}`;
for (const file of readdirSync(`${root}/bench/${name}`).filter((file) => file.endsWith('.ts'))) {
  await bundle(`${root}/bench/${name}/${file}`, `${out}/${file.replace(/ts$/, 'js')}`);
}
const child = spawn(process.execPath, [`${out}/main.js`, ...args], { stdio: 'inherit' });
child.on('exit', (code) => process.exit(code ?? 1));
