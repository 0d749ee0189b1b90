import { createHash } from 'node:crypto';

export interface Credentials {
  username: string;
  password: string;
}

/** Digest algorithms spoken here (RFC 7616 6.1), weakest first. */
export const ALGORITHMS = ['MD5', 'MD5-sess', 'SHA-256', 'SHA-256-sess'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** The algorithm a challenge names; MD5 when it names none, undefined when it is none of ours. */
export function algorithmOf(name: string | undefined): Algorithm | undefined {
  if (name === undefined || name === '') return 'MD5';
  return ALGORITHMS.find((known) => known.toLowerCase() === name.toLowerCase());
}

export interface DigestInput extends Credentials {
  algorithm: Algorithm;
  realm: string;
  nonce: string;
  method: string;
  uri: string;
  /** Absent: the answer of RFC 2069, as most cameras want it. */
  qop?: { cnonce: string /** eight hex digits */; nc: string };
  /** For `-sess` algorithms without qop. */
  cnonce?: string;
}

/** The `response` parameter, lower-case hex (RFC 7616 3.4.1; RFC 2069 2.1.2 without qop). */
export function digestResponse(input: DigestInput): string {
  const hash = input.algorithm.startsWith('SHA-256') ? sha256 : md5;
  let a1 = hash(`${input.username}:${input.realm}:${input.password}`);
  if (input.algorithm.endsWith('-sess')) {
    a1 = hash(`${a1}:${input.nonce}:${input.qop?.cnonce ?? input.cnonce ?? ''}`);
  }
  const a2 = hash(`${input.method}:${input.uri}`);
  const middle = input.qop ? `${input.nonce}:${input.qop.nc}:${input.qop.cnonce}:auth` : input.nonce;
  return hash(`${a1}:${middle}:${a2}`);
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
