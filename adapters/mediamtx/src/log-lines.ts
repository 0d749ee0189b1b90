import { encodeUserInfo } from './source-url.ts';

/** One line of MediaMTX's log. */
export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  text: string;
  /** The camera it is about. */
  path?: string;
}

const LEVELS = { DEB: 'debug', INF: 'info', WAR: 'warn', ERR: 'error' } as const;
const LINE = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d (DEB|INF|WAR|ERR) (.*)$/s;
const PATH = /^\[path ([a-z0-9][a-z0-9_-]{0,62})\] (?:\[RTSP source\] )?/;

/** Reads `2026/05/01 10:00:00 INF [path door] …`; anything else (a Go panic) is an error line as it stands. */
export function parseLogLine(line: string): LogLine {
  const found = LINE.exec(line);
  if (!found) return { level: 'error', text: line };
  const level = LEVELS[found[1] as keyof typeof LEVELS];
  const text = found[2] ?? '';
  const path = PATH.exec(text)?.[1];
  return path === undefined ? { level, text } : { level, text, path };
}

/** What MediaMTX said went wrong with a camera, without the prefixes. */
export function problemOf(line: LogLine): string {
  return line.text.replace(PATH, '').slice(0, 300);
}

/** Shorter ones would blank out ordinary words; they are caught by their context in the logger's own redaction. */
const MIN_SECRET = 4;

/**
 * Takes known secrets out of a text, plain and percent-encoded: a camera that was told its password may put it into
 * the error message that MediaMTX logs.
 */
export function secretMask(secrets: readonly string[]): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET) continue;
    forms.add(secret);
    forms.add(encodeURIComponent(secret.toWellFormed()));
    forms.add(encodeUserInfo(secret));
  }
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((masked, secret) => masked.replaceAll(secret, '[redacted]'), text);
}
