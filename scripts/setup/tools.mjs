// Finds ffmpeg and ffprobe, or gets them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { aptInstall } from './debian.mjs';
import { give, say } from './say.mjs';

const PROBE_MS = 4000;
const DOWNLOAD_MS = 300_000;

/**
 * ffmpeg: FFMPEG_BIN, ffmpeg-static where its installer can download, PATH, the distribution's package.
 * ffprobe, which only tests use and ffmpeg-static lacks: FFPROBE_BIN, beside ffmpeg, PATH, the same package.
 *
 * @param known what an earlier run found; a failed download is not tried again.
 */
export async function findTools(root, known) {
  if (process.env.FFMPEG_BIN) {
    if (!works(process.env.FFMPEG_BIN))
      give(`FFMPEG_BIN is "${process.env.FFMPEG_BIN}", which cannot be run.`);
    return {
      ffmpeg: process.env.FFMPEG_BIN,
      ...findFfprobe(process.env.FFMPEG_BIN),
      download: known.download,
    };
  }
  const bundled = `${root}/node_modules/ffmpeg-static/ffmpeg`;
  const download = works(bundled)
    ? 'done'
    : known.download === 'failed'
      ? 'failed'
      : await downloadStatic(root);
  const ffmpeg = (download === 'done' && bundled) || onPath('ffmpeg') || fromDistribution();
  if (!ffmpeg) {
    give(
      'ffmpeg was not found and could not be got. Install it ("apt-get install ffmpeg" as root does), or let FFMPEG_BIN point at one.',
    );
  }
  return { ffmpeg, ...findFfprobe(ffmpeg), download };
}

/** Runs the one install script that we want; .npmrc keeps npm from running any. */
async function downloadStatic(root) {
  const installer = `${root}/node_modules/ffmpeg-static/install.js`;
  if (!existsSync(installer)) return 'failed';
  if (!(await reachable())) {
    say('ffmpeg-static cannot be downloaded from here (its host does not answer); looking elsewhere.');
    return 'failed';
  }
  say('downloading ffmpeg (ffmpeg-static) …');
  const done = spawnSync(process.execPath, [installer], {
    cwd: dirname(installer),
    stdio: 'ignore',
    timeout: DOWNLOAD_MS,
  });
  if (done.status === 0 && works(join(dirname(installer), 'ffmpeg'))) return 'done';
  say('ffmpeg-static could not be downloaded; looking elsewhere.');
  return 'failed';
}

/** Whether a download has a chance, found out in seconds and not in the minutes a dead network can take. */
async function reachable() {
  // A proxy is the installer's business; Node's fetch knows none.
  if (process.env.https_proxy || process.env.HTTPS_PROXY) return true;
  try {
    await fetch('https://github.com', { method: 'HEAD', signal: AbortSignal.timeout(PROBE_MS) });
    return true;
  } catch {
    return false;
  }
}

function fromDistribution() {
  const problem = aptInstall(['ffmpeg']);
  if (problem) say(`ffmpeg cannot be installed: ${problem}.`);
  return onPath('ffmpeg');
}

function findFfprobe(ffmpeg) {
  const beside = join(dirname(ffmpeg), 'ffprobe');
  const found = process.env.FFPROBE_BIN || (works(beside) && beside) || onPath('ffprobe');
  return found ? { ffprobe: found } : {};
}

function onPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((path) => isExecutable(path) && works(path));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A download can be for another machine, or cut short. */
function works(path) {
  return (
    isExecutable(path) && spawnSync(path, ['-version'], { stdio: 'ignore', timeout: 20_000 }).status === 0
  );
}
