import { Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, type Logger, redact, redactText } from '../src/index.ts';

const SECRET = 'Xq7-planted_Secret.42';

/** What a logger writes while `use` runs, as text and line by line. */
function written(use: (log: Logger) => void): { text: string; lines: Record<string, unknown>[] } {
  let text = '';
  const destination = new Writable({
    write(chunk, _, done) {
      text += String(chunk);
      done();
    },
  });
  use(createLogger('test', { level: 'trace', destination }));
  const lines = text.split('\n').filter(Boolean);
  return { text, lines: lines.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  it('is one JSON line an entry, with name, level and time', () => {
    const { lines } = written((log) => log.warn({ camera: 'front' }, 'stream stalled'));
    expect(lines).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        pid: process.pid,
        name: 'test',
        camera: 'front',
        msg: 'stream stalled',
      },
    ]);
  });

  it.each<[string, (log: Logger) => void]>([
    ['a password', (log) => log.info({ password: SECRET }, 'x')],
    ['a password in any case', (log) => log.info({ PassWord: SECRET }, 'x')],
    ['deep inside', (log) => log.info({ cameras: [{ source: { credentials: { a: SECRET } } }] }, 'x')],
    ['user info of a URL', (log) => log.info({ url: `rtsp://admin:${SECRET}@10.0.0.9/live` }, 'x')],
    ['user info in a message', (log) => log.info(`cannot open rtsps://admin:${SECRET}@10.0.0.9/`)],
    ['a key', (log) => log.info({ readers: { [`rtsp://u:${SECRET}@h/`]: 1 } }, 'x')],
    ['a URL object', (log) => log.info({ url: new URL(`rtsp://admin:${SECRET}@10.0.0.9/`) }, 'x')],
    ['a format argument', (log) => log.info('cannot open %s', `rtsp://admin:${SECRET}@10.0.0.9/`)],
    ['a format object', (log) => log.info('state %j', { password: SECRET })],
    [
      'an Authorization header',
      (log) => log.info(`Authorization: Digest username="a", response="${SECRET}"`),
    ],
    ['Basic credentials', (log) => log.info(`sent Basic ${SECRET}`)],
    ['a bearer token', (log) => log.info({ header: `Bearer ${SECRET}` }, 'x')],
    ['an error', (log) => log.error({ err: new Error(`rtsp://u:${SECRET}@h/ refused`) }, 'x')],
    ['an error by itself', (log) => log.error(new Error(`rtsp://u:${SECRET}@h/ refused`))],
    [
      'the cause of an error',
      (log) => log.error({ err: new Error('x', { cause: new Error(`rtsp://u:${SECRET}@h`) }) }, 'x'),
    ],
    [
      'a property of an error',
      (log) => log.error({ err: Object.assign(new Error('x'), { password: SECRET }) }, 'x'),
    ],
    ['bindings of a child', (log) => log.child({ token: SECRET, url: `rtsp://u:${SECRET}@h/` }).info('x')],
    ['bindings of a grandchild', (log) => log.child({ a: 1 }).child({ cookie: SECRET }).info('x')],
    ['bytes', (log) => log.info({ key: Buffer.from(SECRET) }, 'x')],
  ])('never holds a planted secret: %s', (_, use) => {
    const { text, lines } = written(use);
    expect(lines).toHaveLength(1);
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(Buffer.from(SECRET).toString('base64'));
  });

  it('names an error that is all there is to say', () => {
    const { lines } = written((log) => log.error(new RangeError('too much')));
    expect(lines).toMatchObject([{ msg: 'too much', err: { type: 'RangeError', message: 'too much' } }]);
  });

  it('keeps what helps: host, path, the kind of error', () => {
    const { text } = written((log) =>
      log.error({ err: new TypeError(`rtsp://u:${SECRET}@10.0.0.9:554/live refused`) }, 'x'),
    );
    expect(text).toContain('10.0.0.9:554/live refused');
    expect(text).toContain('TypeError');
  });

  it('is bounded: depth, lists, long texts, cycles', () => {
    const cycle: Record<string, unknown> = { list: Array(10_000).fill('x'), text: 'y'.repeat(1_000_000) };
    cycle.self = cycle;
    const { text, lines } = written((log) => log.info(cycle, 'x'));
    expect(lines).toHaveLength(1);
    expect(text.length).toBeLessThan(400_000);
  });

  it('redacts whatever it is given, and never throws', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withTypedArray: true }), (value) => {
        JSON.stringify(redact(value));
      }),
    );
  });

  it('finds user info wherever it stands in a text', () => {
    const url = fc.record({
      scheme: fc.constantFrom('rtsp', 'RTSPS', 'http'),
      before: fc.string(),
      after: fc.string(),
    });
    fc.assert(
      fc.property(url, ({ scheme, before, after }) => {
        expect(redactText(`${before} ${scheme}://admin:${SECRET}@h/${after}`)).not.toContain(SECRET);
      }),
    );
  });

  it.each([
    ['an @ in the password', `rtsp://admin:${SECRET}@${SECRET}@h/`],
    ['a slash in the password', `rtsp://admin:a/${SECRET}@h/`],
    ['an apostrophe in the password', new URL(`rtsp://admin:it's${SECRET}@h/`).href],
    ['a long user name', `rtsp://${'u'.repeat(600)}:${SECRET}@h/`],
    ['a word that runs into the scheme', `url_rtsp://admin:${SECRET}@h/`],
    ['an @ beyond the cut', `${' '.repeat(16_384 - 30)}rtsp://admin:${SECRET}${'x'.repeat(20)}@h/`],
    ['a folded header', `Authorization: Digest username="a",\r\n response="${SECRET}"`],
    ['a scheme before the header', `Bearer Authorization: Digest response=${SECRET}`],
    ['a quoted header name', `{"Authorization":"Digest response=${SECRET}"}`],
  ])('hides a secret in spite of %s', (_name, text) => {
    expect(redactText(text)).not.toContain(SECRET);
  });

  it('leaves a URL without user info, and the host behind it, alone', () => {
    expect(redactText('get rtsp://h:554/a?b=c of "http://x/"')).toBe('get rtsp://h:554/a?b=c of "http://x/"');
    expect(redactText('rtsp://u:p@10.0.0.9:554/live')).toBe('rtsp://[redacted]@10.0.0.9:554/live');
  });
});
