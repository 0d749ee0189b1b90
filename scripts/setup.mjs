// Brings a fresh Debian-like machine with Node and npm to where everything here runs; quick when run again.
//   node scripts/setup.mjs            what building and the demo need
//   node scripts/setup.mjs --tests    and what tests can use as well
// Only Node's own modules, as nothing is installed yet when this runs.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { aptInstall, installForTests } from './setup/debian.mjs';
import { checkNode, installPackages } from './setup/npm.mjs';
import { findTools } from './setup/tools.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const toolsFile = `${root}/.cache/tools.json`;

checkNode(root);
installPackages(root);
mkdirSync(`${root}/.cache`, { recursive: true });
if (process.argv.includes('--tests')) installForTests();
let tools = await findTools(root, remembered());
if (process.argv.includes('--tests') && !tools.ffprobe && aptInstall(['ffmpeg']) === undefined) {
  tools = await findTools(root, tools);
}
writeFileSync(`${toolsFile}.new`, `${JSON.stringify(tools, null, 2)}\n`);
renameSync(`${toolsFile}.new`, toolsFile);

function remembered() {
  try {
    return JSON.parse(readFileSync(toolsFile, 'utf8'));
  } catch {
    return {};
  }
}
