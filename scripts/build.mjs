// Bundles every program into dist/<name>.js.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { programs } from './programs.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

await rm(`${root}/dist`, { recursive: true, force: true });
for (const [name, entry] of Object.entries(programs))
  await bundle(`${root}/${entry}`, `${root}/dist/${name}.js`);
console.log(`built ${Object.keys(programs).length} programs into dist/`);
