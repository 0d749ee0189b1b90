import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

const AREAS = ['proto', 'lib', 'daemon', 'adapters', 'tests', 'bench', 'scripts'];
const NOT_OURS = /(^|\/)(node_modules|dist|gen|coverage)\//;

/** Files of ours with this ending, relative to the repository; from the disk, so that new ones count before a commit. */
export function sourceFiles(ending: string): string[] {
  return AREAS.flatMap((area) =>
    readdirSync(`${root}/${area}`, { recursive: true, encoding: 'utf8' })
      .map((path) => `${area}/${path}`)
      .filter((path) => path.endsWith(`.${ending}`) && !NOT_OURS.test(path)),
  ).sort();
}

/** Everything that is committed, or would be; undefined where there is no git. */
export function committedFiles(): string[] | undefined {
  try {
    return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .trim()
      .split('\n');
  } catch {
    return undefined;
  }
}
