import type { Socket } from 'node:net';
import type { FailureCode, RtspSourceOptions } from '../../src/index.ts';
import { hurriedClock } from './clock.ts';
import { answer, type FakeRequest, frame, type Script, SDP } from './fake-camera.ts';

/** A script for one method; everything else as a good camera does. */
export function on(method: string, reply: (request: FakeRequest, socket: Socket) => string | Buffer): Script {
  return (request, socket) => (request.method === method ? reply(request, socket) : undefined);
}

/** Writes until the other side hangs up. */
export function endlessly(socket: Socket, bytes: string): void {
  const more = () => {
    while (socket.writable && socket.write(bytes));
  };
  socket.on('drain', more);
  more();
}

export interface Attack {
  name: string;
  script: Script;
  code: FailureCode;
  message: RegExp;
  options?: Partial<RtspSourceOptions>;
}

export const describeWith = (fields: Record<string, string | number>, body = SDP) =>
  on('DESCRIBE', ({ cseq }) => answer(cseq, fields, body));
export const setupWith = (transport: string) =>
  on('SETUP', ({ cseq }) => answer(cseq, { Transport: transport, Session: '1' }));
export const sdpWith = (control: string) => SDP.replace('a=control:trackID=0', `a=control:${control}`);
export const hurried = { clock: hurriedClock(50) };

export const ATTACKS: Attack[] = [
  {
    name: 'truncated: the answer ends in the middle of its body',
    script: on('DESCRIBE', ({ cseq }, socket) => {
      socket.end(answer(cseq, { 'Content-Length': 5000 }, SDP));
      return '';
    }),
    code: 'disconnected',
    message: /in the middle of a body, \d+ of 5000 bytes came/,
  },
  {
    name: 'truncated: the answer ends in the middle of its headers',
    script: on('DESCRIBE', (_, socket) => {
      socket.end('RTSP/1.0 200 OK\r\nCSe');
      return '';
    }),
    code: 'disconnected',
    message: /in the middle of the end of the headers/,
  },
  {
    name: 'garbage between interleaved frames',
    script: on('PLAY', ({ cseq }) =>
      Buffer.concat([Buffer.from(answer(cseq)), frame(0, 1), Buffer.from([0, 255, 7]), frame(0, 2)]),
    ),
    code: 'protocol',
    message: /garbage/,
  },
  {
    name: 'text between interleaved frames',
    script: on('PLAY', ({ cseq }) =>
      Buffer.concat([
        Buffer.from(answer(cseq)),
        frame(0, 1),
        Buffer.from('lorem ipsum\r\n\r\n'),
        frame(0, 2),
      ]),
    ),
    code: 'protocol',
    message: /garbage|header line/,
  },
  {
    name: 'endless headers',
    script: on('DESCRIBE', (_, socket) => {
      socket.write('RTSP/1.0 200 OK\r\n');
      endlessly(socket, 'X-Padding: x\r\n'.repeat(100));
      return '';
    }),
    code: 'limit',
    message: /headers longer than 65536 bytes/,
  },
  {
    name: 'one endless header line',
    script: on('DESCRIBE', (_, socket) => {
      socket.write('RTSP/1.0 200 OK\r\nX: ');
      endlessly(socket, 'x'.repeat(1000));
      return '';
    }),
    code: 'limit',
    message: /headers longer/,
  },
  {
    name: 'wrong CSeq',
    script: on('DESCRIBE', ({ cseq }) => answer(cseq + 1, {}, SDP)),
    code: 'protocol',
    message: /CSeq 3, expected 2 \(DESCRIBE\)/,
  },
  {
    name: 'no CSeq',
    script: on('DESCRIBE', () => 'RTSP/1.0 200 OK\r\n\r\n'),
    code: 'protocol',
    message: /CSeq missing/,
  },
  {
    name: 'an answer nobody asked for',
    script: on('PLAY', ({ cseq }) => answer(cseq) + answer(cseq + 1)),
    code: 'protocol',
    message: /expected none/,
  },
  {
    name: 'Content-Length beyond all bounds',
    script: describeWith({ 'Content-Length': 99_999_999_999 }),
    code: 'limit',
    message: /a body of 99999999999 bytes/,
  },
  {
    name: 'Content-Length larger than what comes',
    script: describeWith({ 'Content-Length': SDP.length + 1 }),
    options: hurried,
    code: 'stalled',
    message: /no answer to DESCRIBE within 10 s: waited for a body/,
  },
  {
    name: 'Content-Length smaller than what comes',
    script: describeWith({ 'Content-Length': SDP.length - 60 }),
    code: 'protocol',
    message: /garbage|header line/,
  },
  {
    name: 'Content-Length that is no number',
    script: describeWith({ 'Content-Length': '12 34' }),
    code: 'protocol',
    message: /Content-Length/,
  },
  {
    name: 'two Content-Lengths',
    script: describeWith({ 'Content-Length': '5\r\nContent-Length: 6' }),
    code: 'protocol',
    message: /Content-Length/,
  },
  {
    name: 'an HTTP server',
    script: on('OPTIONS', () => 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
    code: 'protocol',
    message: /garbage/,
  },
  {
    name: 'no session description in the answer',
    script: describeWith({}, 'x'.repeat(500)),
    code: 'protocol',
    message: /./,
  },
  {
    name: 'a session description without tracks',
    script: describeWith({}, 'v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n'),
    code: 'unsupported',
    message: /no track/,
  },
  {
    name: 'two tracks on one channel',
    script: setupWith('RTP/AVP/TCP;interleaved=0-1'),
    code: 'protocol',
    message: /two tracks on interleaved channel 0/,
  },
  {
    name: 'a channel that is none',
    script: setupWith('RTP/AVP/TCP;interleaved=300-301'),
    code: 'protocol',
    message: /Transport/,
  },
  {
    name: 'UDP where TCP was asked for, with TCP required',
    script: setupWith('RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001'),
    options: { transport: 'tcp' },
    code: 'unsupported',
    message: /does not send by tcp/,
  },
  {
    name: 'never answers',
    script: () => '',
    options: hurried,
    code: 'stalled',
    message: /no answer to OPTIONS within 10 s/,
  },
  {
    name: 'half open: plays, then nothing more comes',
    script: on('PLAY', ({ cseq }) => Buffer.concat([Buffer.from(answer(cseq)), frame(0, 1)])),
    options: hurried,
    code: 'stalled',
    message: /no packet for 10 s/,
  },
  {
    name: 'ends the session by itself',
    script: on('PLAY', ({ cseq }) => `${answer(cseq)}TEARDOWN rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n`),
    code: 'disconnected',
    message: /ended the session/,
  },
  {
    name: 'calls every nonce stale',
    script: on('DESCRIBE', ({ cseq }) => {
      const challenge = `Digest realm="x", nonce="${Math.random()}", stale=true`;
      return answer(cseq, { 'WWW-Authenticate': challenge }, '', '401 Unauthorized');
    }),
    code: 'unauthorized',
    message: /does not accept user name and password/,
  },
];
