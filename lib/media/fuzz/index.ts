import { type FuzzTarget, magnitude, outcomeOf, promise, words } from '@opennvr/tests/fuzz';
import { MediaError, parseCameraFile, stripCandidates, validateCameras } from '../src/index.ts';

const outcome = outcomeOf(MediaError);

const offer: FuzzTarget = {
  name: 'offer',
  seeds: words(
    'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 192.168.1.5\r\nm=video 5004 UDP/TLS/RTP/SAVPF 96\r\n' +
      'a=candidate:1 1 udp 1 192.168.1.5 5004 typ host\r\na=rtcp:9 IN IP4 192.168.1.5\r\na=mid:0\r\n',
    'v=0\nm=audio 0 UDP/TLS/RTP/SAVPF 0\nm=application 9/2 UDP/DTLS/SCTP webrtc-datachannel\na=end-of-candidates\n',
  ),
  dictionary: words(
    ...['\r\n', '\n', '\r', 'm=video ', 'c=IN IP4 ', 'a=candidate:', 'a=remote-candidates:', 'a=rtcp:'],
    ...['192.168.1.5', '5004', ' ', '\t', '\u2028', '\u0085', '\0', '/', '0'],
  ),
  run: (input) =>
    outcome(
      () => stripCandidates(input.toString()),
      (text) => {
        const lines = text.split(/[\r\n]+/);
        const kinds = new Set(lines.map((line) => line.slice(0, 2)));
        for (const line of lines) {
          promise(!/^a=(candidate|remote-candidates|end-of-candidates)(:|$)/i.test(line), `kept ${line}`);
          promise(!line.startsWith('c=') || line === 'c=IN IP4 0.0.0.0', `kept ${line}`);
          promise(!line.startsWith('m=') || /^m=\S+ (0|9)(\/\d+)? /.test(line), `kept ${line}`);
        }
        promise(stripCandidates(text) === text, 'something was left to strip');
        return `${[...kinds].sort().join('').slice(0, 24)} ${magnitude(lines.length)}`;
      },
    ),
};

const CAMERA = {
  id: 'door',
  url: 'rtsp://10.0.0.5:554/live?x=1',
  username: 'u',
  password: 'Xq7planted',
  transport: 1,
  tlsFingerprint: '',
  record: true,
};

const cameras: FuzzTarget = {
  name: 'cameras',
  seeds: words(
    JSON.stringify({ version: 1, cameras: [CAMERA] }),
    JSON.stringify({
      version: 1,
      cameras: [
        { ...CAMERA, url: 'rtsps://[fe80::1]/x', tlsFingerprint: 'Ab'.repeat(32) },
        { ...CAMERA, id: 'a-b_2', username: '', password: '', transport: 0 },
      ],
    }),
  ),
  dictionary: words(
    ...[
      '"id":',
      '"url":',
      '"record":',
      'rtsp://',
      'rtsps://',
      '@',
      ':',
      '[',
      ']',
      '{',
      '}',
      ',',
      'null',
      '"',
    ],
    ...['\\u0000', '\\n', '\\\\', '-1', '1e999', '"__proto__":', 'é', '%00', '#', '?'],
  ),
  run: (input) =>
    outcome(
      () => validateCameras(parseCameraFile('cameras.json', input.toString())),
      (set) => {
        for (const { id, url, username, password, tlsFingerprint } of set) {
          promise(/^[a-z0-9][a-z0-9_-]*$/.test(id), `id ${id}`);
          const { protocol, username: user, hash } = new URL(url);
          promise(/^rtsps?:$/.test(protocol) && user === '' && hash === '', `URL ${url}`);
          promise((protocol === 'rtsps:') === (tlsFingerprint !== ''), 'a fingerprint without TLS');
          promise(![url, username, password].some((text) => /[\r\n\0]/.test(text)), 'a control character');
        }
        promise(JSON.stringify(validateCameras(set)) === JSON.stringify(set), 'its normal form has another');
        return `${magnitude(set.length)} ${set.map(({ url, transport }) => `${url.slice(0, 8)}${transport}`).join()}`;
      },
    ),
};

export const targets: readonly FuzzTarget[] = [offer, cameras];
