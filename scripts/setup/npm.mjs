// Node itself, and the packages of package-lock.json.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
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

/** Installs what package-lock.json asks for, unless node_modules already holds it. */
export function installPackages(root) {
  if (isInstalled(root)) return;
  say('installing npm packages …');
  const npm = spawnSync('npm', ['ci', '--loglevel=error', '--no-update-notifier'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (npm.status === 0) return;
  if (npm.error) {
    give(`npm cannot be run (${npm.error.message}): it comes with Node, or with "apt-get install npm".`);
  }
  give('the npm packages could not be installed; what npm said stands above.');
}

/** Compares with the list npm keeps of what it has installed, so `npm install` by hand counts as well. */
function isInstalled(root) {
  const record = `${root}/node_modules/.package-lock.json`;
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')).packages;
  const installed = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true;
    if (entry.link) return existsSync(`${root}/${path}`);
    const have = installed[path];
    return have === undefined ? entry.optional === true : have.version === entry.version;
  });
}
