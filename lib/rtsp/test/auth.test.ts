import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuth } from '../src/auth/challenge.ts';
import { ClientAuth } from '../src/auth/client.ts';
import { digestResponse } from '../src/auth/digest.ts';
import { ServerAuth } from '../src/auth/server.ts';
import type { Clock } from '../src/types.ts';

describe('Digest', () => {
  const rfc7616 = {
    username: 'Mufasa',
    password: 'Circle of Life',
    realm: 'http-auth@example.org',
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    qop: { nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
  };
  it('agrees with RFC 7616 3.9.1', () => {
    expect(digestResponse({ ...rfc7616, algorithm: 'MD5' })).toBe('8ca523f5e9506fed4657c9700eebdbec');
    expect(digestResponse({ ...rfc7616, algorithm: 'SHA-256' })).toBe(
      '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
    );
  });

  it('agrees with RFC 2069 2.4 as corrected by its erratum 749', () => {
    const { qop: _, ...rest } = rfc7616;
    const input = {
      ...rest,
      password: 'CircleOfLife',
      realm: 'testrealm@host.com',
      nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    };
    expect(digestResponse({ ...input, algorithm: 'MD5' })).toBe('1949323746fe6a43ef61f9606e7febea');
  });
});

describe('challenges', () => {
  it('several in one field, commas and escapes in quotes', () => {
    const [digest, basic] = parseAuth([
      'Digest realm="a, \\"b\\"",nonce=x , qop="auth,auth-int", Basic realm="c"',
    ]);
    expect(digest?.scheme).toBe('digest');
    expect(Object.fromEntries(digest?.parameters ?? [])).toEqual({
      realm: 'a, "b"',
      nonce: 'x',
      qop: 'auth,auth-int',
    });
    expect([basic?.scheme, basic?.parameters.get('realm')]).toEqual(['basic', 'c']);
  });

  it('are read without an error, whatever they hold', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.stringMatching(/^(Digest|Basic|[a-z]+=|[",\\ ]){0,12}$/))),
        (fields) => {
          expect(Array.isArray(parseAuth(fields))).toBe(true);
          new ClientAuth({ username: 'u', password: 'p' }, Math.random).accept(fields, false);
        },
      ),
    );
  });
});

describe('the client', () => {
  const strongest: [string, RegExp][] = [
    ['Basic realm="x"', /^Basic dTpw$/],
    ['Basic realm="x", Digest realm="x", nonce="1"', /^Digest (?!.*qop)(?!.*algorithm)/],
    [
      'Digest nonce="1", Digest nonce="2", algorithm=SHA-256, Basic realm="x"',
      /nonce="2".*algorithm=SHA-256/,
    ],
    ['Digest nonce="1", algorithm=SHA-512-256, Digest nonce="2"', /nonce="2"/],
    ['Digest nonce="1", qop="auth-int", Basic realm="x"', /^Basic/],
    ['Digest nonce="1", qop="auth-int,auth"', /qop=auth, nc=00000001, cnonce="[0-9a-f]{16}"/],
    ['Digest nonce="1", algorithm=MD5-sess, opaque="o"', /algorithm=MD5-sess, cnonce=".*", opaque="o"$/],
  ];
  for (const [challenge, answer] of strongest) {
    it(`answers the strongest of: ${challenge}`, () => {
      const auth = new ClientAuth({ username: 'u', password: 'p' }, Math.random);
      expect(auth.accept([challenge], false)).toBe(true);
      expect(auth.authorization('PLAY', 'rtsp://h/')).toMatch(answer);
    });
  }

  it('answers a nonce once, and a stale one with its successor', () => {
    const auth = new ClientAuth({ username: 'u', password: 'p' }, Math.random);
    expect(auth.accept(['Digest nonce="1"'], false)).toBe(true);
    expect(auth.accept(['Digest nonce="1", stale=true'], true)).toBe(false);
    expect(auth.accept(['Digest nonce="2"'], true)).toBe(false);
    expect(auth.accept(['Digest nonce="2", stale=TRUE'], true)).toBe(true);
    expect(auth.accept(['Bearer'], false)).toBe(false);
  });
});

describe('both sides', () => {
  const clockAt = (time: { ms: number }): Clock => ({
    now: () => time.ms,
    monotonic: () => time.ms,
    after: () => () => undefined,
  });
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((s) => !/\p{Cc}/u.test(s));
  const name = text.filter((s) => !s.includes(':'));

  it('agree on every password, and on no other', () => {
    const methods = fc.constantFrom('basic', 'digest-md5', 'digest-sha256');
    fc.assert(
      fc.property(methods, name, text, text, text, (method, username, password, other, realm) => {
        const server = new ServerAuth({ username, password, realm, methods: [method] }, clockAt({ ms: 5 }));
        const login = (guess: string) => {
          const client = new ClientAuth({ username, password: guess }, Math.random);
          const asked = server.check('PLAY', 'rtsp://h/cam', []);
          client.accept(asked.ok ? [] : asked.challenges, false);
          return server.check('PLAY', 'rtsp://h/cam', [client.authorization('PLAY', 'rtsp://h/cam') ?? ''])
            .ok;
        };
        expect(login(password)).toBe(true);
        expect(login(other)).toBe(other === password);
      }),
    );
  });

  it('an answer is good for its method, its path and its time', () => {
    const time = { ms: 0 };
    const login = { username: 'u', password: 'p' };
    const server = new ServerAuth({ ...login, realm: 'r', methods: ['digest-sha256'] }, clockAt(time));
    const client = new ClientAuth(login, Math.random);
    const asked = server.check('SETUP', 'rtsp://h/cam', []);
    client.accept(asked.ok ? [] : asked.challenges, false);
    const answer = [client.authorization('SETUP', 'rtsp://h/cam') ?? ''];
    expect(server.check('SETUP', 'rtsp://h/cam/trackID=0', answer).ok).toBe(true);
    expect(server.check('PLAY', 'rtsp://h/cam', answer).ok).toBe(false);
    expect(server.check('SETUP', 'rtsp://h/other', answer).ok).toBe(false);
    expect(server.check('SETUP', 'rtsp://h/camera', answer).ok).toBe(false);
    time.ms = 6 * 60_000;
    const late = server.check('SETUP', 'rtsp://h/cam', answer);
    expect(late).toEqual({ ok: false, challenges: [expect.stringContaining('stale=true')] });
    expect(client.accept(late.ok ? [] : late.challenges, true)).toBe(true);
    expect(
      server.check('SETUP', 'rtsp://h/cam', [client.authorization('SETUP', 'rtsp://h/cam') ?? '']).ok,
    ).toBe(true);
  });

  it('a way to log in that was not offered is no way in, with the right password either', () => {
    const login = { username: 'u', password: 'p' };
    const clock = clockAt({ ms: 0 });
    const methods = ['basic', 'digest-md5', 'digest-sha256'] as const;
    for (const offered of methods) {
      const strict = new ServerAuth({ ...login, realm: 'r', methods: [offered] }, clock);
      for (const method of methods) {
        const asked = strict.check('PLAY', '/', []);
        const algorithm = method === 'digest-md5' ? 'MD5' : 'SHA-256';
        const nonce = /nonce="([^"]*)"/.exec(asked.ok ? '' : asked.challenges.join())?.[1];
        const challenge =
          method === 'basic'
            ? 'Basic realm="r"'
            : `Digest realm="r", nonce="${nonce}", algorithm=${algorithm}, qop="auth"`;
        const client = new ClientAuth(login, Math.random);
        client.accept([challenge], false);
        const answer = client.authorization('PLAY', '/') ?? '';
        expect(strict.check('PLAY', '/', [answer]).ok, `${method} where ${offered} is offered`).toBe(
          method === offered,
        );
      }
    }
  });

  it('a nonce of another server is not ours', () => {
    const options = { username: 'u', password: 'p', realm: 'r', methods: ['digest-md5'] as const };
    const [one, two] = [1, 2].map(() => new ServerAuth(options, clockAt({ ms: 0 })));
    const client = new ClientAuth(options, Math.random);
    const asked = one?.check('PLAY', '/', []);
    client.accept(asked?.ok === false ? asked.challenges : [], false);
    const answer = [client.authorization('PLAY', '/') ?? ''];
    expect(one?.check('PLAY', '/', answer).ok).toBe(true);
    expect(two?.check('PLAY', '/', answer).ok).toBe(false);
  });
});
