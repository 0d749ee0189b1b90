import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../types.ts';
import { type AuthValue, parseAuth, quote } from './challenge.ts';
import { algorithmOf, type Credentials, digestResponse } from './digest.ts';

export type AuthMethod = 'basic' | 'digest-md5' | 'digest-sha256';

export interface ServerAuthOptions extends Credentials {
  /** Offered in this order. */
  methods: readonly AuthMethod[];
  realm: string;
  /** How long a nonce is good for, ms. */
  nonceLifetimeMs?: number;
}

/** `ok`, or the WWW-Authenticate fields of the 401 to send. */
export type Verdict = { ok: true } | { ok: false; challenges: string[] };

const NONCE_LIFETIME_MS = 5 * 60_000;

/**
 * Checks Authorization fields. A nonce is its time of issue and a MAC over it, so nothing is kept for
 * those who only ask. Comparisons take the same time whatever differs.
 */
export class ServerAuth {
  readonly #options: ServerAuthOptions;
  readonly #clock: Clock;
  readonly #secret = randomBytes(32);

  constructor(options: ServerAuthOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** `method` and `uri` are those of the request line, `fields` its Authorization fields. */
  check(method: string, uri: string, fields: readonly string[]): Verdict {
    const given = parseAuth(fields)[0];
    if (given?.scheme === 'basic' && this.#checkBasic(given)) return { ok: true };
    if (given?.scheme === 'digest' && this.#checkDigest(given, method, uri)) {
      const age = this.#ageOf(given.parameters.get('nonce') ?? '');
      if (age <= (this.#options.nonceLifetimeMs ?? NONCE_LIFETIME_MS)) return { ok: true };
      return { ok: false, challenges: this.#challenges(', stale=true') };
    }
    return { ok: false, challenges: this.#challenges('') };
  }

  #checkBasic(given: AuthValue): boolean {
    const { username, password, methods } = this.#options;
    const text = Buffer.from(given.token, 'base64').toString();
    return same(text, `${username}:${password}`) && methods.includes('basic');
  }

  #checkDigest({ parameters }: AuthValue, method: string, uri: string): boolean {
    const { username, password, methods, realm } = this.#options;
    const algorithm = algorithmOf(parameters.get('algorithm'));
    if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return false;
    if (!methods.includes(algorithm === 'MD5' ? 'digest-md5' : 'digest-sha256')) return false;
    const nonce = parameters.get('nonce') ?? '';
    const cnonce = parameters.get('cnonce') ?? '';
    const given = parameters.get('uri') ?? '';
    if (!covers(given, uri)) return false;
    const expected = digestResponse({
      username,
      password,
      algorithm,
      realm,
      nonce,
      method,
      uri: given,
      ...(parameters.has('qop') && { qop: { cnonce, nc: parameters.get('nc') ?? '' } }),
    });
    const right = same(parameters.get('response') ?? '', expected);
    return same(parameters.get('username') ?? '', username) && right && Number.isFinite(this.#ageOf(nonce));
  }

  /** Ms since we issued this nonce; infinite when we did not. */
  #ageOf(nonce: string): number {
    const issued = nonce.split('.')[0] ?? '';
    if (!same(nonce, this.#nonce(issued))) return Number.POSITIVE_INFINITY;
    return this.#clock.monotonic() - Number.parseInt(issued, 36);
  }

  #nonce(issued: string): string {
    return `${issued}.${createHmac('sha256', this.#secret).update(issued).digest('hex').slice(0, 32)}`;
  }

  #challenges(suffix: string): string[] {
    const { methods, realm } = this.#options;
    const nonce = this.#nonce(Math.floor(this.#clock.monotonic()).toString(36));
    return methods.map((method) => {
      if (method === 'basic') return `Basic realm=${quote(realm)}`;
      const algorithm = method === 'digest-md5' ? 'MD5' : 'SHA-256';
      return `Digest realm=${quote(realm)}, nonce="${nonce}", algorithm=${algorithm}, qop="auth"${suffix}`;
    });
  }
}

/**
 * Clients disagree with their own request line: some answer for the presentation while they set up a track
 * of it, some leave out scheme and host. An answer holds for the URI it names and what lies below it.
 */
function covers(uri: string, requested: string): boolean {
  const path = requested.replace(/^[a-z]+:\/\/[^/]*/i, '');
  const base = uri.replace(/\/$/, '');
  return [requested, path].some(
    (whole) => whole === uri || (base !== '' && `${whole}/`.startsWith(`${base}/`)),
  );
}

function same(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
