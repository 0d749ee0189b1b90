// Everything CI runs, closed by one line: N passed, N failed, N skipped.
//   node scripts/test.mjs [path …]   only the tests under these paths, after the checks
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const bin = `${root}/node_modules/.bin`;
const results = `${root}/.cache/test-results.json`;
const tools = existsSync(`${root}/.cache/tools.json`)
  ? JSON.parse(readFileSync(`${root}/.cache/tools.json`, 'utf8'))
  : {};

const checks = [
  { name: 'types', command: `${bin}/tsc`, args: ['--noEmit'] },
  { name: 'format and lint', command: `${bin}/biome`, args: ['check', '--error-on-warnings', '.'] },
  { name: 'proto lint', command: `${bin}/buf`, args: ['lint'], cwd: `${root}/proto` },
  {
    name: 'proto format',
    command: `${bin}/buf`,
    args: ['format', '--diff', '--exit-code'],
    cwd: `${root}/proto`,
  },
  // Against the contracts as last released, kept as a file: a clone without history checks the same as any other.
  // A release renews it: cd proto && npx buf build -o baseline.binpb
  {
    name: 'proto compatibility',
    command: `${bin}/buf`,
    args: ['breaking', '--against', 'baseline.binpb'],
    cwd: `${root}/proto`,
  },
];

const total = { passed: 0, failed: 0, skipped: 0 };
const failures = [];
const skips = [];

for (const check of checks) {
  console.log(`\n=== ${check.name}`);
  const { status } = run(check.command, check.args, check.cwd);
  if (status === 0) total.passed += 1;
  else fail(check.name);
}

console.log('\n=== tests');
mkdirSync(`${root}/.cache`, { recursive: true });
rmSync(results, { force: true });
const vitest = run(`${bin}/vitest`, [
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile=${results}`,
  ...process.argv.slice(2),
]);
if (existsSync(results)) {
  const { numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(results, 'utf8'),
  );
  total.passed += numPassedTests;
  total.skipped += numPendingTests + (numTodoTests ?? 0);
  for (const file of testResults) {
    const name = file.name.replace(`${root}/`, '');
    for (const { fullName, status } of file.assertionResults) {
      if (status === 'pending' || status === 'skipped') skips.push(`${name}: ${fullName}`);
    }
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    for (const { fullName } of failed) fail(`${name}: ${fullName}`);
    // A file that cannot be loaded, or whose hooks fail, has no failed test to show for it.
    if (file.status === 'failed' && failed.length === 0) fail(`${name}: ${file.message.split('\n')[0]}`);
  }
}
// An error outside every test: vitest counts none, and says so by its status alone.
if (vitest.status !== 0 && total.failed === 0) fail('vitest: ended with an error outside the tests');

for (const skip of skips) console.log(`SKIPPED ${skip}`);
for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

function fail(name) {
  total.failed += 1;
  failures.push(name);
}

/** Tests find ffmpeg and ffprobe where setup found them; what the caller set goes first. */
function run(command, args, cwd = root) {
  return spawnSync(command, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...(tools.ffmpeg ? { FFMPEG_BIN: tools.ffmpeg } : {}),
      ...(tools.ffprobe ? { FFPROBE_BIN: tools.ffprobe } : {}),
      ...process.env,
      PATH: `${bin}:${process.env.PATH}`,
    },
  });
}
