// Packages of the distribution, where we may install them: Debian-like, and root.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { say } from './say.mjs';

/** What tests use when it is there; without it they are skipped, with the reason in their names. */
const FOR_TESTS = {
  nftables: 'the isolation lab',
  iproute2: 'network namespaces',
  chromium: 'WebRTC in a real browser',
  'python3-gi': 'the camera that is not ours',
  'gir1.2-gst-rtsp-server-1.0': 'the camera that is not ours',
  'gstreamer1.0-plugins-base': 'the camera that is not ours',
  'gstreamer1.0-plugins-good': 'the camera that is not ours',
  'gstreamer1.0-plugins-bad': 'the camera that is not ours',
  'gstreamer1.0-plugins-ugly': 'the camera that is not ours',
};
const MINUTES = 60_000;

let listsUpdated = false;

function canInstall() {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

function isInstalled(name) {
  const query = spawnSync('dpkg-query', ['--status', name], { encoding: 'utf8' });
  return query.status === 0 && query.stdout.includes('Status: install ok installed');
}

function apt(args) {
  const done = spawnSync('apt-get', ['-qq', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: 15 * MINUTES,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return done.status === 0 ? undefined : (done.error?.message ?? done.stderr.trim().split('\n').at(-1));
}

/** Installs packages. Returns what went wrong, or undefined; never throws, nothing here is worth ending for. */
export function aptInstall(names) {
  if (!canInstall()) return 'not root on a machine with apt-get';
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return undefined;
  say(`apt-get install ${missing.join(' ')} …`);
  if (!listsUpdated) {
    listsUpdated = true;
    const problem = apt(['update']);
    if (problem) say(`apt-get update: ${problem}`);
  }
  return apt(['install', '--no-install-recommends', '-y', ...missing]);
}

/** Installs what only tests use, one by one: a package that one distribution lacks must not cost the others. */
export function installForTests() {
  const names = Object.keys(FOR_TESTS).filter((name) => canInstall() && !isInstalled(name));
  if (names.length === 0 || aptInstall(names) === undefined) return;
  for (const name of names) {
    const problem = aptInstall([name]);
    if (problem) say(`no ${name} (${problem}): tests of ${FOR_TESTS[name]} will be skipped.`);
  }
}
