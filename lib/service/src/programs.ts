import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Finds a program of somebody else's: where the environment variable points, then along PATH.
 *
 * @returns its path; undefined when there is none.
 * @throws Error naming the variable when it is set and points at nothing that can be run.
 */
export function findProgram(
  name: string,
  variable?: string,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const told = variable === undefined ? undefined : env[variable];
  if (variable !== undefined && told !== undefined && told !== '') {
    if (isExecutable(told)) return told;
    throw new Error(`${variable} is "${told}", which is no program that can be run`);
  }
  return (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
