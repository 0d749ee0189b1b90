import { type FuzzTarget, magnitude, outcomeOf, promise, words } from '@opennvr/tests/fuzz';
import { z } from 'zod';
import { loadSettings, redact, redactText, SettingsError } from '../src/index.ts';

const SECRET = 'Xq7-Planted.42';
/** Every piece of it that says more than chance would. */
const PIECES = Array.from({ length: SECRET.length - 5 }, (_, at) => SECRET.slice(at, at + 6));

/**
 * What a text around a secret is made of, and what is put inside one: whatever stands around user info or an
 * Authorization value, none of it may come out. The first byte says where in the input the secret begins.
 */
const redaction: FuzzTarget = {
  name: 'redaction',
  seeds: words(
    '\x10cannot open rtsp://10.0.0.5/live: Authorization: Basic x',
    '\x05url_rtsp+x://, {"Authorization":"Digest response=',
    '\x00Bearer token; authorization = x\r\n y',
  ),
  dictionary: words(
    ...[
      'rtsp://',
      '://',
      '@',
      '/',
      "'",
      '"',
      ':',
      ' ',
      '\t',
      '\r',
      '\n',
      '\u2028',
      '\\',
      '%40',
      'é',
      '_',
      '9',
    ],
    ...['Authorization:', '"authorization":"', 'Basic ', 'Bearer ', 'Digest ', '=', ',', 'authorization   '],
  ),
  run(input) {
    const [place = 0] = input;
    // A few beyond the cut.
    const whole = input.toString('utf8', 1);
    const text = place > 250 ? whole.repeat(64).slice(0, 17_000) : whole.slice(0, 2000);
    const at = Math.min(place, text.length);
    const [before, after] = [text.slice(0, at), text.slice(at)];
    // What a URL can hold as user info, and what a header can hold as a value.
    const odd = after.slice(0, 6).replace(/[\s"\p{Cc}]/gu, '');
    for (const planted of [
      `${before}rtsp://admin${odd}:${SECRET}${odd}${SECRET}@h/${after}`,
      `${before}Authorization: Digest ${odd}${SECRET}${odd}\r\n\tresponse=${SECRET}\r\n${after}`,
      `${before} Basic ${SECRET}==${after}`,
    ]) {
      const clean = redactText(planted);
      const own = `${before}${after}`;
      const leaked = PIECES.find((piece) => clean.includes(piece) && !own.includes(piece));
      if (leaked !== undefined) promise(false, `${JSON.stringify(planted)} became ${clean}`);
    }
    const once = redactText(text);
    promise(redactText(once).length <= once.length + 64, 'redacting again adds text');
    return `${magnitude(text.length)} ${once === text} ${magnitude(once.split('[redacted]').length)}`;
  },
};

/** Anything that JSON can hold, logged: no value under a secret key comes out, at any depth. */
const logged: FuzzTarget = {
  name: 'log-values',
  seeds: words(
    '{"password":"Xq7Planted","a":[{"Token":{"x":"Xq7Planted"}}],"url":"rtsp://u:Xq7Planted@h/"}',
    '[[[[[[[[[{"secret":"Xq7Planted"}]]]]]]]]]',
    '{"rtsp://u:Xq7Planted@h/":1,"n":null,"t":true}',
  ),
  dictionary: words(
    '"password":',
    '"COOKIE":',
    '"__proto__":',
    '"a":',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"Xq7Planted"',
    '1e9',
  ),
  run(input) {
    const value = attempt(() => JSON.parse(input.toString()) as unknown);
    if (value === undefined) return 'not JSON';
    const text = JSON.stringify(redact(value));
    promise(depthOf(text) <= 10, 'deep');
    promise(!/"(password|token|secret|cookie)":(?!"\[redacted\]")/i.test(text.replaceAll('\\"', '')), text);
    return `${typeof value} ${magnitude(text.length)} ${magnitude(text.split('[redacted]').length)}`;
  },
};

const SCHEMA = z.strictObject({
  name: z.string().max(20),
  port: z.int().min(1).max(65_535).default(554),
  store: z.strictObject({ capBytes: z.int().positive(), dirs: z.array(z.string()) }),
});

/** Environment variables, one a line. A settings file goes through the same schema. */
const settings: FuzzTarget = {
  name: 'settings',
  seeds: words(
    'X_NAME=door\nX_STORE_CAP_BYTES=1000\nX_STORE_DIRS=["/a"]',
    'X_NAME="a"\nX_PORT=8554\nX_STORE_CAP_BYTES=1\nX_STORE_DIRS=[]',
  ),
  dictionary: words(
    'X_',
    'X_PORT=',
    'X_STORE=',
    'X___PROTO__=',
    '\n',
    '=',
    '[',
    '{"a":',
    '1e999',
    'null',
    '"',
    '-1',
  ),
  run: (input) => {
    const env = Object.fromEntries(
      input
        .toString()
        .split('\n')
        .map((line) => {
          const [name = '', ...value] = line.split('=');
          return [name, value.join('=')];
        }),
    );
    return outcome(
      () => loadSettings(SCHEMA, { envPrefix: 'X', env }),
      ({ name, port, store }) => {
        promise(name.length <= 20 && port > 0 && port < 65_536 && store.capBytes > 0, 'out of bounds');
        return `${magnitude(port)} ${magnitude(store.capBytes)} ${magnitude(store.dirs.length)}`;
      },
    );
  },
};

const outcome = outcomeOf(SettingsError);

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const char of json.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
    if (char === '{' || char === '[') deepest = Math.max(deepest, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return deepest;
}

export const targets: readonly FuzzTarget[] = [redaction, logged, settings];
