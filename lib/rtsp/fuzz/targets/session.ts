import type { FuzzTarget } from '@opennvr/tests/fuzz';
import { parseAuth } from '../../src/auth/challenge.ts';
import { ClientAuth } from '../../src/auth/client.ts';
import { Origin, parseTarget, resolveControl } from '../../src/client/url.ts';
import { parseSession, parseTransport } from '../../src/message/fields.ts';
import { encodeRequest } from '../../src/message/message.ts';
import { StreamParser } from '../../src/message/parser.ts';
import { LIMITS } from '../../src/types.ts';
import { magnitude, outcome, promise } from '../outcome.ts';

const words = (...texts: string[]) => texts.map((text) => Buffer.from(text, 'latin1'));

/** A stream in two halves: frames in place, frames over the seam, messages with and without a body. */
const message: FuzzTarget = {
  name: 'message',
  seeds: words(
    'RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n$\0\0\x04abcd$\x01\0\0',
    'GET_PARAMETER rtsp://h/cam RTSP/1.0\r\nCSeq: 1\r\nSession: 1\r\n\r\n$\x02\0\x02xy\r\n$\0\0\x03abc',
    'RTSP/1.0 401 Unauthorized\nCSeq: 1\nWWW-Authenticate: Digest realm="x",\n nonce="y"\n\n',
  ),
  dictionary: words(
    '\r\n',
    '\r\n\r\n',
    '\n\n',
    '$',
    'Content-Length: ',
    '99999999',
    'RTSP/1.0 ',
    ':',
    '\0\x05',
  ),
  run: (input) =>
    outcome(
      () => {
        const seen = { messages: 0, frames: 0, bytes: 0, waiting: false };
        const parser = new StreamParser({
          onMessage: ({ body }) => {
            promise(body.length <= LIMITS.body, `a body of ${body.length} bytes`);
            seen.messages++;
            seen.bytes += body.length;
          },
          onInterleaved: (channel, buf, start, end) => {
            promise(
              channel >= 0 && channel < 256 && start >= 0 && start <= end && end <= buf.length,
              'a frame',
            );
            seen.frames++;
            seen.bytes += end - start;
          },
        });
        const half = input.length >> 1;
        parser.push(input, 0, half);
        parser.push(input, half, input.length);
        promise(seen.bytes <= input.length, 'more came out than went in');
        seen.waiting = parser.waitingFor !== undefined;
        return seen;
      },
      ({ messages, frames, waiting }) => `${messages} ${magnitude(frames)} ${waiting}`,
    ),
};

const challenge: FuzzTarget = {
  name: 'challenge',
  seeds: words(
    'Digest realm="cam, \\"1\\"", nonce="abc", algorithm=SHA-256, qop="auth,auth-int", stale=true, Basic realm="x"',
    'Digest nonce=abc, opaque="1", algorithm=MD5-sess',
    'Basic dXNlcjpwYXNz',
  ),
  dictionary: words('Digest ', 'Basic ', ', ', '="', '\\"', 'nonce="', 'qop=', 'algorithm=', 'stale=true'),
  run: (input) =>
    outcome(
      () => {
        const field = input.toString('latin1').replace(/[\r\n\0]/g, '');
        const auth = new ClientAuth({ username: 'u"ser', password: 'secret' }, () => 0.5);
        const accepted = auth.accept([field], false);
        const answer = auth.authorization('PLAY', 'rtsp://h/');
        promise(accepted === (answer !== undefined), 'an answer to what was not accepted');
        promise(!answer?.includes('secret'), 'the password in the clear');
        encodeRequest('PLAY', 'rtsp://h/', { Authorization: answer });
        return { count: parseAuth([field]).length, scheme: answer?.slice(0, 5) };
      },
      ({ count, scheme }) => `${magnitude(count)} ${scheme}`,
    ),
};

const OWN = new Origin(parseTarget('rtsp://cam.local:8554/x'), '10.0.0.7');

/** The header fields and URLs by which a camera says where things are. */
const places: FuzzTarget = {
  name: 'places',
  seeds: words(
    'rtsp://cam.local:8554/x/trackID=1',
    'rtsp://user@10.0.0.7/x?y=z',
    'RTP/AVP/TCP;unicast;interleaved=0-1;source=10.0.0.7,RTP/AVP;client_port=5000-5001;server_port=6000',
    'abc123;timeout=60',
    'trackID=1',
  ),
  dictionary: words(
    'rtsp://',
    '@',
    ':',
    '/',
    'cam.local',
    'RTP/AVP',
    ';',
    'interleaved=',
    '-65535',
    'timeout=',
    '\\',
    '#',
  ),
  run: (input) =>
    outcome(
      () => {
        const text = input.toString('utf8');
        const transports = /^RTP/.test(text) ? parseTransport(text) : [];
        for (const { interleaved = [0, 0], clientPort = [0, 0] } of transports) {
          promise(
            interleaved.every((n) => n >= 0 && n < 256),
            'a channel',
          );
          promise(
            clientPort.every((n) => n >= 0 && n < 65_536),
            'a port',
          );
        }
        promise(parseSession(text).timeoutMs >= 1000, 'a session without time');
        const url = OWN.admit(resolveControl('rtsp://cam.local:8554/x', text), 'control');
        promise(/^[\x21-\x7e]*$/.test(url), 'a URL that breaks its request line');
        promise(/^rtsps?:\/\/(cam\.local|10\.0\.0\.7)(:8554)?([/?#]|$)/i.test(url), `sent to ${url}`);
        return { transports: transports.length, url };
      },
      ({ transports, url }) => `${transports} ${magnitude(url.length)}`,
    ),
};

export const sessionTargets: readonly FuzzTarget[] = [message, challenge, places];
