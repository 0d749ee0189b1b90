import type { Random } from '../types.ts';
import { type AuthValue, parseAuth, quote } from './challenge.ts';
import { ALGORITHMS, algorithmOf, type Credentials, digestResponse } from './digest.ts';

/**
 * Answers a server's challenges. Of several the strongest is taken: Digest SHA-256, Digest MD5, Basic.
 * A challenge is answered once; a nonce called stale (RFC 7616 3.3) is replaced once for each nonce.
 */
export class ClientAuth {
  readonly #credentials: Credentials;
  readonly #random: Random;
  #challenge: AuthValue | undefined;
  #count = 0;

  constructor(credentials: Credentials, random: Random) {
    this.#credentials = credentials;
    this.#random = random;
  }

  /**
   * Takes the WWW-Authenticate fields of a 401. Returns true when the request is worth sending again:
   * there was no answer in it yet (`answered` false), or only the nonce was stale.
   */
  accept(fields: readonly string[], answered: boolean): boolean {
    const best = parseAuth(fields)
      .map((challenge) => ({ challenge, strength: strengthOf(challenge) }))
      .filter(({ strength }) => strength > 0)
      .sort((a, b) => b.strength - a.strength)[0]?.challenge;
    if (!best) return false;
    const stale = best.parameters.get('stale')?.toLowerCase() === 'true';
    const fresh = best.parameters.get('nonce') !== this.#challenge?.parameters.get('nonce');
    if (answered && !(stale && fresh)) return false;
    this.#challenge = best;
    this.#count = 0;
    return true;
  }

  /** The Authorization field for a request, undefined before the first challenge. */
  authorization(method: string, uri: string): string | undefined {
    const challenge = this.#challenge;
    if (!challenge) return undefined;
    const { username, password } = this.#credentials;
    if (challenge.scheme === 'basic') {
      return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    }
    const { parameters } = challenge;
    const algorithm = algorithmOf(parameters.get('algorithm')) ?? 'MD5';
    const realm = parameters.get('realm') ?? '';
    const nonce = parameters.get('nonce') ?? '';
    const nc = (++this.#count).toString(16).padStart(8, '0');
    const cnonce = hex(this.#random) + hex(this.#random);
    const qop = parameters.get('qop') ? { cnonce, nc } : undefined;
    const response = digestResponse({
      ...this.#credentials,
      algorithm,
      realm,
      nonce,
      method,
      uri,
      cnonce,
      ...(qop && { qop }),
    });
    const answer = [
      `username=${quote(username)}`,
      `realm=${quote(realm)}`,
      `nonce=${quote(nonce)}`,
      `uri=${quote(uri)}`,
      `response="${response}"`,
    ];
    // Old cameras choke on parameters they did not send themselves.
    const named = parameters.get('algorithm');
    if (named !== undefined) answer.push(`algorithm=${algorithm}`);
    if (qop) answer.push('qop=auth', `nc=${nc}`, `cnonce="${cnonce}"`);
    else if (algorithm.endsWith('-sess')) answer.push(`cnonce="${cnonce}"`);
    const opaque = parameters.get('opaque');
    if (opaque !== undefined) answer.push(`opaque=${quote(opaque)}`);
    return `Digest ${answer.join(', ')}`;
  }
}

/** 0 for a challenge that cannot be answered here. */
function strengthOf({ scheme, parameters }: AuthValue): number {
  if (scheme === 'basic') return 1;
  const algorithm = algorithmOf(parameters.get('algorithm'));
  const qop = parameters.get('qop') ?? '';
  const answerable = qop === '' || qop.split(',').some((one) => one.trim().toLowerCase() === 'auth');
  if (scheme !== 'digest' || !algorithm || !answerable || !parameters.has('nonce')) return 0;
  return 2 + ALGORITHMS.indexOf(algorithm);
}

function hex(random: Random): string {
  return Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}
