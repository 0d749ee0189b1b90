// Node itself, and the packages of package-lock.json.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { give, say } from './say.mjs';

/** Ends with a sentence when this Node is too old. */
export function checkNode(root) {
  const wanted = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')).engines.node.replace('>=', '');
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [wantedMajor, wantedMinor] = wanted.split('.').map(Number);
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  give(
    `Node ${process.versions.node} is too old: ${wanted} or newer is needed (https://nodejs.org/en/download).`,
  );
}

/** `npm ci`, unless node_modules is from this very package-lock.json and this Node. */
export function installPackages(root) {
  const stamp = `${root}/node_modules/.opennvr-stamp`;
  const wanted = createHash('sha256')
    .update(readFileSync(`${root}/package-lock.json`))
    .update(`${process.platform} ${process.arch} ${process.versions.modules}`)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing npm packages (npm ci) …');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (npm.error)
    give(`npm cannot be run (${npm.error.message}): it comes with Node, or with "apt-get install npm".`);
  if (npm.status !== 0) give('npm ci failed; what it said stands above.');
  writeFileSync(stamp, wanted);
}
