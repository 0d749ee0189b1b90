/** One authentication scheme with its parameters, names in lower case (RFC 7235 2.1). */
export interface AuthValue {
  /** Lower case: `basic`, `digest`. */
  scheme: string;
  parameters: ReadonlyMap<string, string>;
  /** What follows the scheme when it is no parameter list, as in `Basic dXNlcjpwYXNz`. */
  token: string;
}

/** Challenges looked at in one answer, parameters in one challenge. */
const MAX_ITEMS = 32;

/**
 * Reads the values of WWW-Authenticate or Authorization header fields. One field may hold several
 * challenges (`Digest a=b, c=d, Basic realm="x"`). What makes no sense is skipped: an unreadable challenge
 * is one that cannot be answered.
 */
export function parseAuth(fields: readonly string[]): AuthValue[] {
  const values: AuthValue[] = [];
  for (const field of fields.slice(0, MAX_ITEMS)) {
    let parameters: Map<string, string> | undefined;
    for (const item of splitList(field)) {
      const start = /^([A-Za-z][A-Za-z0-9-]*)(?:[ \t]+(.*))?$/s.exec(item);
      const isParameter = /^[A-Za-z0-9_-]+[ \t]*=/.test(item);
      let rest = item;
      if (start && !isParameter) {
        rest = start[2] ?? '';
        parameters = new Map();
        values.push({ scheme: (start[1] ?? '').toLowerCase(), parameters, token: rest });
      }
      const pair = /^([A-Za-z0-9_-]+)[ \t]*=[ \t]*(.*)$/s.exec(rest);
      if (pair && parameters && parameters.size < MAX_ITEMS) {
        parameters.set((pair[1] ?? '').toLowerCase(), unquote(pair[2] ?? ''));
      }
    }
  }
  return values.slice(0, MAX_ITEMS);
}

/** Splits at commas outside of quoted strings. */
function splitList(text: string): string[] {
  const items: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    else if (quoted && text[at] === '\\') at++;
    else if (!quoted && text[at] === ',') {
      items.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  items.push(text.slice(from).trim());
  return items.filter((item) => item !== '');
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.replace(/^"|"$/g, '').replace(/\\(.)/gs, '$1') : text;
}

/** As a quoted-string (RFC 7230 3.2.6). */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
