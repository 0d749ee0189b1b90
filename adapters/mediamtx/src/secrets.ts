import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeDurably } from '@opennvr/media';
import { z } from 'zod';

const User = z.strictObject({ username: z.string().min(16), password: z.string().min(32) });
const Secrets = z.strictObject({ api: User, reader: User });

/** A user of MediaMTX's. */
export type User = z.output<typeof User>;
/** `api` drives the control API and may do nothing else; `reader` reads streams and may do nothing else. */
export type Secrets = z.output<typeof Secrets>;

/**
 * This box's own users of MediaMTX: made once, kept in a 0600 file.
 *
 * @param randomBytes cryptographic randomness
 * @throws Error when the file is there and cannot be used; it never quotes the file.
 */
export async function loadSecrets(path: string, randomBytes: (size: number) => Buffer): Promise<Secrets> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const user = () => ({
      username: randomBytes(16).toString('hex'),
      password: randomBytes(32).toString('base64url'),
    });
    const secrets = { api: user(), reader: user() };
    await writeDurably(path, `${JSON.stringify(secrets)}\n`, 0o600);
    return secrets;
  }
  const parsed = Secrets.safeParse(parse(text));
  if (!parsed.success) throw new Error(`${path}: not the credentials file we wrote`);
  return parsed.data;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A JSON error quotes the text.
    return undefined;
  }
}

/**
 * A credential as MediaMTX's configuration takes it without knowing it (`sha256:` and base64). One round and no salt
 * do, since what is hashed is 256 random bits; argon2 would cost its price at every poll.
 */
export function hashed(credential: string): string {
  return `sha256:${createHash('sha256').update(credential).digest('base64')}`;
}

export function basicAuthorization(user: User): string {
  return `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`;
}
