import { type FuzzTarget, magnitude, outcomeOf, promise, words } from '@opennvr/tests/fuzz';
import { parsePathConfigs, parsePaths, parseSessions } from '../src/api-answers.ts';
import { readCameraComments } from '../src/config.ts';
import { parseLogLine, problemOf, secretMask } from '../src/log-lines.ts';
import { parseInetTable, parseUnixTable } from '../src/sockets.ts';
import { ApiError } from '../src/unix-http.ts';
import { parseVersion } from '../src/version.ts';

const answered = outcomeOf(ApiError);
const SESSION = '5f0c7a4e-9c3b-4a52-8a43-0d8f6f6c1b11';

/** What the control API says, which repeats what cameras say. */
const apiAnswers: FuzzTarget = {
  name: 'mtx-api',
  seeds: words(
    JSON.stringify({
      items: [
        {
          name: 'door',
          available: true,
          tracks2: [
            { codec: 'H264', codecProps: { width: 1920, height: 1080 } },
            { codec: 'G711', codecProps: { muLaw: false } },
          ],
          inboundBytes: 123_456,
        },
        { name: 'yard', ready: false, tracks: ['H265', 'MPEG-4 Audio'], bytesReceived: 7 },
      ],
    }),
    JSON.stringify({
      items: [{ name: 'a', source: 'rtsp://h/', sourceFingerprint: '', rtspTransport: 'tcp', record: true }],
    }),
    JSON.stringify({ items: [{ name: 'a', id: SESSION }] }),
  ),
  dictionary: words(
    ...[
      '"items":',
      '"width":',
      '"inboundBytes":',
      '"tracks2":',
      'null',
      '-1',
      '1e300',
      '1.5',
      '[',
      ']',
      '{',
      '}',
      ',',
    ],
    ...['"__proto__":', '"name":"door",', '"id":', '\\u0000', '"'],
  ),
  run(input) {
    const text = input.toString();
    const paths = answered(
      () => parsePaths(text),
      (found) => {
        for (const { tracks, bytes } of found.values()) {
          promise(Number.isSafeInteger(bytes) && bytes >= 0, `${bytes} bytes`);
          for (const { width, height } of tracks)
            promise(
              [width, height].every((n) => Number.isInteger(n) && n >= 0 && n < 65_536),
              `${width} × ${height}`,
            );
        }
        return `${magnitude(found.size)} ${[...found.values()].map(({ online, tracks }) => `${online}${tracks.length}`).join()}`;
      },
    );
    const configs = answered(
      () => parsePathConfigs(text),
      ({ size }) => `${size} configured`,
    );
    const sessions = answered(
      () => parseSessions(text),
      (ids) => {
        promise(
          ids.every((id) => /^[0-9a-f-]{36}$/i.test(id)),
          'an id that leads elsewhere',
        );
        return `${ids.length} sessions`;
      },
    );
    const read = [paths, configs, sessions].filter((answer) => !answer.startsWith('refused'));
    return read.length > 0 ? read.join() : `${paths} ${configs}`;
  },
};

const PASSWORD = "Xq7$'planted";
const mask = secretMask([PASSWORD]);

/** A line of the log, in which a camera's words and a secret may stand. */
const logLines: FuzzTarget = {
  name: 'mtx-log',
  seeds: words(
    `2026/05/01 10:00:00 ERR [path door] [RTSP source] bad status: ${PASSWORD} ${encodeURIComponent(PASSWORD)}`,
    '2026/05/01 10:00:00 INF [path a-b] stream is available and online, 2 tracks (H264, G711)',
    'panic: runtime error',
  ),
  dictionary: words(
    ' ERR ',
    ' INF ',
    '[path ',
    '] ',
    '[RTSP source] ',
    '\r',
    '\u2028',
    '\0',
    PASSWORD,
    '%24',
    '%27',
  ),
  run(input) {
    const text = input.toString();
    const line = parseLogLine(text);
    promise(line.text.length <= text.length, 'more than there was');
    promise(line.path === undefined || /^[a-z0-9][a-z0-9_-]{0,62}$/.test(line.path), `path ${line.path}`);
    const shown = problemOf({ ...line, text: mask(line.text) });
    promise(shown.length <= 300, 'a long problem');
    promise(!shown.includes(PASSWORD) && !shown.includes('Xq7%24%27planted'), shown);
    return `${line.level} ${line.path === undefined} ${magnitude(shown.length)} ${shown.split('[redacted]').length}`;
  },
};

const INODES = new Set(['17', '18']);

/** The kernel's tables. Names of unix sockets are any process's own words. */
const procNet: FuzzTarget = {
  name: 'proc-net',
  seeds: words(
    '  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0 0 17 1\n' +
      '   1: 0500000A:9C40 0600000A:022A 01 00000000:00000000 00:00000000 00000000  0 0 18 1\n',
    'sl\n 0: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000500000A:022A 01 0:0 0:0 0 0 0 17 1\n',
    'Num\n0000000000000000: 00000002 00000000 00010000 0001 01 17 /run/api.sock\n0: 3 0 0 1 3 18 @a  b\n',
  ),
  dictionary: words('\n', ' 17 ', ' 18 ', ':', '0A', 'FFFFFFFF', '00010000', '0000', '\0', '@', 'zz'),
  run(input) {
    const text = input.toString('latin1');
    const found = [
      ...(['tcp', 'udp', 'raw'] as const).flatMap((kind) => parseInetTable(kind, text, INODES)),
      ...parseUnixTable(text, INODES),
    ];
    promise(found.length <= 4 * text.split('\n').length, 'more sockets than rows');
    promise(
      found.every(({ port }) => port >= 0 && port < 65_536),
      'a port',
    );
    return found
      .slice(0, 4)
      .map(
        ({ kind, listening, address, peer }) =>
          `${kind}${listening}${magnitude(address.length)}${peer === ''}`,
      )
      .join();
  },
};

const commented = outcomeOf(SyntaxError);

/** What we left in the configuration file, and what `mediamtx --version` prints. */
const ownFiles: FuzzTarget = {
  name: 'mtx-files',
  seeds: words(
    '# x\n# camera {"id":"door","url":"rtsp://h/"}\n# camera {"id":"a"}\n{}',
    'v1.20.1\n',
    '1.15.0-dirty',
  ),
  dictionary: words('\n# camera ', '{', '}', '"', 'v', '.', '99999', '\u2028'),
  run(input) {
    const text = input.toString();
    const version = parseVersion(text);
    promise(version?.every(Number.isSafeInteger) ?? true, 'a version');
    return commented(
      () => readCameraComments(text),
      (cameras) => `${magnitude(cameras.length)} ${version?.map(magnitude)} ${typeof cameras[0]}`,
    );
  },
};

export const targets: readonly FuzzTarget[] = [apiAnswers, logLines, procNet, ownFiles];
