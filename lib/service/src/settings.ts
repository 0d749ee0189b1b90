import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Settings that cannot be used. The message names the source, the key and what was expected. */
export class SettingsError extends Error {
  override name = 'SettingsError';
}

export interface SettingsSource {
  /** JSON file; absent file and no file are the same only when `optional`. */
  file?: string;
  optional?: boolean;
  /** `OPENNVR_KAIC` makes `OPENNVR_KAIC_FRAME_STORE_CAP_BYTES` set `frameStore.capBytes`. */
  envPrefix?: string;
  env?: NodeJS.ProcessEnv;
}

const MAX_FILE_BYTES = 1024 * 1024;

/**
 * Reads one process's settings: file first, environment over it, then the schema.
 * Unknown keys are errors in both. Objects in the schema must be `z.strictObject`.
 *
 * @throws SettingsError naming file (or variable), key and expected type.
 */
export function loadSettings<S extends z.ZodType>(schema: S, source: SettingsSource): z.output<S> {
  const env = source.env ?? process.env;
  const from = new Map<string, string>();
  const raw = source.file === undefined ? {} : readJson(source.file, source.optional ?? false);
  if (source.envPrefix !== undefined) applyEnvironment(schema, raw, source.envPrefix, env, from);
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    const where = from.get(path) ?? source.file ?? 'built-in defaults';
    if (issue.code === 'unrecognized_keys') {
      const prefix = path === '' ? '' : `${path}.`;
      return `${where}: unknown key ${issue.keys.map((key) => `"${prefix}${key}"`).join(', ')}`;
    }
    return `${where}: "${path === '' ? '(top level)' : path}": ${issue.message}`;
  });
  throw new SettingsError(problems.join('\n'));
}

function readJson(file: string, optional: boolean): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new SettingsError(`${file}: ${(error as Error).message}`);
  }
  if (text.length > MAX_FILE_BYTES) throw new SettingsError(`${file}: larger than ${MAX_FILE_BYTES} bytes`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (error) {
    // The rest of the message may quote the text, and the text may hold credentials.
    const where = / at position \d+/.exec((error as Error).message)?.[0] ?? '';
    throw new SettingsError(`${file}: not JSON${where}`);
  }
  throw new SettingsError(`${file}: expected a JSON object at the top level`);
}

function applyEnvironment(
  schema: z.ZodType,
  target: Record<string, unknown>,
  prefix: string,
  env: NodeJS.ProcessEnv,
  from: Map<string, string>,
): void {
  const known = new Map(
    leafPaths(schema).map((path) => [`${prefix}_${path.map(constantCase).join('_')}`, path]),
  );
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.startsWith(`${prefix}_`)) continue;
    const path = known.get(name);
    if (!path) throw new SettingsError(`environment: unknown setting ${name}`);
    const last = path.at(-1) as string;
    let node = target;
    for (const key of path.slice(0, -1)) {
      node[key] ??= {};
      const next = node[key];
      if (typeof next !== 'object' || next === null)
        throw new SettingsError(`environment: ${name}: "${key}" is no object`);
      node = next as Record<string, unknown>;
    }
    node[last] = fromText(text);
    from.set(path.join('.'), `environment variable ${name}`);
  }
}

/** JSON where the text is JSON (numbers, booleans, lists), the text itself otherwise. */
function fromText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function constantCase(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();
}

function leafPaths(schema: z.ZodType, path: string[] = []): string[][] {
  let inner: unknown = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    inner = inner.unwrap();
  }
  if (!(inner instanceof z.ZodObject)) return [path];
  return Object.entries(inner.shape).flatMap(([key, child]) => leafPaths(child as z.ZodType, [...path, key]));
}

/**
 * Reads a secret that systemd (or a test) laid into the credentials directory.
 *
 * @throws SettingsError naming the credential when it is missing or larger than 64 KiB.
 */
export function readCredential(name: string, env: NodeJS.ProcessEnv = process.env): string {
  const directory = env.CREDENTIALS_DIRECTORY;
  if (directory === undefined)
    throw new SettingsError(`credential "${name}": CREDENTIALS_DIRECTORY is not set`);
  try {
    const text = readFileSync(join(directory, name), 'utf8');
    if (text.length <= 65_536) return text.replace(/\n$/, '');
  } catch (error) {
    throw new SettingsError(`credential "${name}": ${(error as NodeJS.ErrnoException).code ?? 'unreadable'}`);
  }
  throw new SettingsError(`credential "${name}": larger than 64 KiB`);
}
