import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCameraComments, renderConfig } from '../src/config.ts';
import { hasKey } from '../src/config-keys.ts';
import { Plan } from '../src/plan.ts';
import { loadSecrets } from '../src/secrets.ts';
import { Settings } from '../src/settings.ts';
import { checkForMediaMtx, sourceUrl } from '../src/source-url.ts';
import { udpBufferBytes } from '../src/udp-buffer.ts';
import { compareVersions, parseVersion, programPath, type Version } from '../src/version.ts';
import { planned } from './support/planned.ts';

const user = { username: 'u'.repeat(32), password: 'p'.repeat(43) };
const secrets = { api: user, reader: { username: 'r'.repeat(32), password: 'q'.repeat(43) } };
const VERSIONS: Version[] = [
  [1, 15, 0],
  [1, 15, 4],
  [1, 16, 0],
  [1, 17, 0],
  [1, 18, 0],
  [1, 19, 0],
  [1, 20, 1],
];

let folder: string;
let settings: Settings;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'opennvr-config-'));
  settings = Settings.parse({
    socketPath: join(folder, 'media.sock'),
    stateDir: join(folder, 'state'),
    recordingsDir: join(folder, 'recordings'),
    runDir: join(folder, 'run'),
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

function documentOf(text: string): Record<string, unknown> {
  const json = text.split('\n').filter((line) => !line.startsWith('#'));
  return JSON.parse(json.join('\n')) as Record<string, unknown>;
}

it('a program is found along PATH by its name, and taken as it is by its path', () => {
  expect(programPath('sh')).toMatch(/^\/.*\/sh$/);
  expect(programPath('./sh')).toBe('./sh');
  expect(programPath('no-such-program')).toBe('no-such-program');
});

describe('the configuration file', () => {
  it.each(VERSIONS)('has only keys of %i.%i.%i, and every listener off that need not be', (...version) => {
    const document = documentOf(renderConfig(settings, secrets, version, [planned()]));
    expect(document).toMatchObject({
      // At "debug" there are credentials.
      logLevel: 'info',
      rtmp: false,
      hls: false,
      srt: false,
      metrics: false,
      pprof: false,
      playback: false,
      rtspTransports: ['tcp'],
      rtspAddress: '127.0.0.1:8554',
      apiAddress: `unix://${folder}/run/api.sock`,
      webrtcAddress: `unix://${folder}/run/whep.sock`,
      webrtcIPsFromInterfaces: false,
      webrtcAdditionalHosts: ['127.0.0.1'],
    });
    // Nor in dumps, of versions that can.
    expect(document.dumpPackets ?? false).toBe(false);
    expect('moq' in document).toBe(compareVersions(version, [1, 19, 0]) >= 0);
    expect('apiAllowOrigin' in document).toBe(compareVersions(version, [1, 15, 4]) < 0);
    expect('apiAllowOrigins' in document).toBe(compareVersions(version, [1, 15, 4]) >= 0);
  });

  it.each([
    ['is what is wanted where the machine allows more', '67108864\n', 4 << 20],
    ['never exceeds what the machine allows', '212992\n', 212_992],
    ['is left alone where the limit is no number', 'many\n', 0],
  ])('the UDP buffer %s', (_what, limit, bytes) => {
    const file = join(folder, 'rmem_max');
    writeFileSync(file, limit);
    expect(udpBufferBytes(file)).toBe(bytes);
    expect(udpBufferBytes(join(folder, 'absent'))).toBe(0);
  });

  it('asks for UDP buffers by the name that the version knows', () => {
    const text = (version: Version) => renderConfig(settings, secrets, version, []);
    expect(text([1, 15, 3])).toContain('"rtspUDPReadBufferSize"');
    expect(text([1, 15, 3])).not.toContain('"udpReadBufferSize"');
    expect(text([1, 15, 4])).toContain('"udpReadBufferSize"');
    expect(text([1, 15, 4])).not.toContain('"rtspUDPReadBufferSize"');
  });

  it('gives nobody without a name anything, and names only as hashes', () => {
    const { authInternalUsers } = documentOf(renderConfig(settings, secrets, [1, 20, 1], [])) as {
      authInternalUsers: { user: string; pass: string; permissions: { action: string }[] }[];
    };
    expect(authInternalUsers.map(({ permissions }) => permissions)).toEqual([
      [{ action: 'api' }],
      [{ action: 'read' }],
    ]);
    for (const { user: name, pass } of authInternalUsers) {
      expect(name).toMatch(/^sha256:[\w+/=]{44}$/);
      expect(pass).toMatch(/^sha256:[\w+/=]{44}$/);
    }
  });

  it('never lets a credential out of its comment, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (password) => {
        const cameras = [planned({ username: 'admin', password }), planned({ id: 'no', record: false })];
        const text = renderConfig(settings, secrets, [1, 20, 1], cameras);
        expect(readCameraComments(text)).toEqual(cameras);
        // YAML ends a line at these (1.1), and a file must be ASCII for that never to matter.
        expect(text).toMatch(/^[\n\x20-\x7e]*$/);
        expect(Object.keys(documentOf(text).paths as object)).toEqual(['door', 'no']);
      }),
    );
  });

  it('leaves cameras out that redirect, but does not forget them', () => {
    const text = renderConfig(settings, secrets, [1, 20, 1], [planned({ held: 'redirects', password: 'x' })]);
    expect(documentOf(text).paths).toEqual({});
    expect(readCameraComments(text)).toHaveLength(1);
  });
});

describe('source URLs', () => {
  it('carry credentials percent-encoded, and everything else as given', () => {
    const url = 'RTSP://10.0.0.5:8554/cam?channel=1&u=rtsp://x';
    expect(sourceUrl(planned({ url, username: 'ad min', password: "p@ss:'/$G1*" }))).toBe(
      'rtsp://ad%20min:p%40ss%3A%27%2F%24G1%2A@10.0.0.5:8554/cam?channel=1&u=rtsp://x',
    );
    expect(sourceUrl(planned())).toBe('rtsp://10.0.0.5/stream');
  });

  it('decode to what was given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (password) => {
        const url = new URL(sourceUrl(planned({ username: 'u', password })));
        expect(decodeURIComponent(url.password)).toBe(password.toWellFormed());
        expect(url.host).toBe('10.0.0.5');
      }),
    );
  });

  it.each([
    ['url', { url: 'rtsp://10.0.0.5/%zz' }],
    ['url', { url: 'rtsp://10.0.0.5/a b' }],
    ['url', { url: 'rtsp://10.0.0.5/$MTX_QUERY' }],
    ['url', { url: 'rtsp://10.0.0.5/$G1' }],
    ['url', { url: 'rtsp://ca%6dera/' }],
    ['id', { id: 'all' }],
    ['id', { id: 'all_others' }],
    ['password', { username: 'admin' }],
  ])('refuse by %s: %j', (field, patch) => {
    expect(() => checkForMediaMtx(planned(patch), 7)).toThrow(`cameras[7].${field}: `);
  });
});

describe('versions', () => {
  it.each([
    ['v1.20.1\n', [1, 20, 1]],
    ['1.15.6', [1, 15, 6]],
    ['v1.18.0-dirty', [1, 18, 0]],
    ['MediaMTX', undefined],
    ['', undefined],
  ])('%j is %j', (text, version) => {
    expect(parseVersion(text)).toEqual(version);
  });

  it('a key that is not listed has always been there', () => {
    expect(hasKey([1, 15, 0], 'rtsp')).toBe(true);
    expect(hasKey([1, 18, 2], 'moq')).toBe(false);
  });
});

describe('the plan', () => {
  it('comes back from disk as it was, held cameras and chosen transports too', async () => {
    const plan = new Plan(settings, secrets, [1, 20, 1]);
    expect(await plan.load()).toEqual([]);
    const { held, via, ...spec } = planned({ username: 'a', password: 'é"\u2028' });
    await plan.save([spec, { ...spec, id: 'b' }], new Set(['b']));
    await plan.note('door', { via: 'udp' });
    expect(statSync(join(folder, 'state/mediamtx.yml')).mode & 0o777).toBe(0o600);
    const again = new Plan(settings, secrets, [1, 16, 0]);
    expect(await again.load()).toEqual([spec, { ...spec, id: 'b' }]);
    expect(again.cameras).toMatchObject([
      { id: 'door', via: 'udp', held: '' },
      { id: 'b', via: 'tcp', held: 'redirects' },
    ]);
    // Unchanged cameras keep what was found out; one that points elsewhere begins anew.
    await again.save(
      [
        { ...spec, record: false },
        { ...spec, id: 'b', url: 'rtsp://10.0.0.6/' },
      ],
      new Set(),
    );
    expect(again.cameras).toMatchObject([
      { via: 'udp', record: false },
      { via: 'tcp', held: '' },
    ]);
  });

  it.each([
    ['somebody else wrote', 'paths: {}\n'],
    [
      'is damaged',
      '# Written by opennvr-media-mediamtx; changes made here are lost.\n# camera {"id": "hush\n',
    ],
  ])('does not overwrite a file that %s, nor quote it', async (_, text) => {
    const path = join(folder, 'state/mediamtx.yml');
    await new Plan(settings, secrets, [1, 20, 1]).load();
    writeFileSync(path, text);
    const error = await new Plan(settings, secrets, [1, 20, 1]).load().catch((reason: unknown) => reason);
    expect(String(error)).toContain('not the file we wrote');
    expect(String(error)).not.toContain('hush');
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe('our own users', () => {
  it('are made once', async () => {
    const path = join(folder, 'users.json');
    const first = await loadSecrets(path, randomBytes);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await loadSecrets(path, randomBytes)).toEqual(first);
    expect(first.api.password).not.toBe(first.reader.password);
    writeFileSync(path, '{"api": "hush"}');
    await expect(loadSecrets(path, randomBytes)).rejects.toThrow(/^(?!.*hush).*not the credentials file/);
  });
});
