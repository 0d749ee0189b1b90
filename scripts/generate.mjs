// Turns proto/opennvr/**.proto into proto/gen/**.ts. Run by `make build`; the output is not committed.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}/proto/gen`, { recursive: true, force: true });
const done = spawnSync(`${root}/node_modules/.bin/buf`, ['generate'], {
  cwd: `${root}/proto`,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${root}/node_modules/.bin:${process.env.PATH}` },
});
process.exit(done.status ?? 1);
