import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface FakeRequest {
  method: string;
  cseq: number;
  text: string;
}

/** What to send for a request; undefined for what a good camera would. */
export type Script = (
  request: FakeRequest,
  socket: Socket,
  camera: FakeCamera,
) => string | Buffer | undefined;

export const SDP = [
  'v=0',
  'o=- 0 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=control:*',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'a=control:trackID=0',
  'm=audio 0 RTP/AVP 8',
  'a=control:trackID=1',
  '',
].join('\r\n');

export function answer(
  cseq: number,
  fields: Record<string, string | number> = {},
  body = '',
  status = '200 OK',
): string {
  const all = { CSeq: cseq, ...(body === '' ? {} : { 'Content-Length': body.length }), ...fields };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `RTSP/1.0 ${status}\r\n${lines.join('')}\r\n${body}`;
}

/** One interleaved frame with an RTP packet of `length` bytes. */
export function frame(channel: number, sequenceNumber: number, length = 40): Buffer {
  const bytes = Buffer.alloc(4 + length, 1);
  bytes.set([0x24, channel, length >> 8, length & 0xff, 0x80, 96], 0);
  bytes.writeUInt16BE(sequenceNumber & 0xffff, 6);
  return bytes;
}

/** A camera that does as its script says, over real sockets, byte by byte. */
export class FakeCamera {
  /** Connections so far. */
  connections = 0;
  /** Everything that was ever received. */
  received = '';
  readonly requests: FakeRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #script: Script;

  constructor(script: Script = () => undefined, onConnection: (socket: Socket) => void = () => undefined) {
    this.#script = script;
    this.#server = createServer((socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (chunk) => this.#onData(socket, chunk.toString('latin1')));
      onConnection(socket);
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `rtsp://127.0.0.1:${(this.#server.address() as AddressInfo).port}/cam`;
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #onData(socket: Socket, text: string): void {
    this.received += text;
    for (const part of text.split('\r\n\r\n')) {
      const method = /^([A-Z_]+) \S+ RTSP\/1\.0/.exec(part)?.[1];
      const cseq = Number(/^CSeq: (\d+)/im.exec(part)?.[1] ?? 0);
      if (method === undefined) continue;
      const request = { method, cseq, text: part };
      this.requests.push(request);
      const reply = this.#script(request, socket, this) ?? goodAnswer(request);
      if (socket.writable) socket.write(reply);
    }
  }
}

/** What a good camera says. It sends no packets. */
export function goodAnswer({ method, cseq, text }: FakeRequest): string {
  const url = / (\S+) /.exec(text)?.[1] ?? '';
  const transport = /^Transport: (.*)$/im.exec(text)?.[1] ?? '';
  switch (method) {
    case 'OPTIONS':
      return answer(cseq, { Public: 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER' });
    case 'DESCRIBE':
      return answer(cseq, { 'Content-Base': `${url}/`, 'Content-Type': 'application/sdp' }, SDP);
    case 'SETUP':
      return answer(cseq, { Transport: transport, Session: '1;timeout=24' });
    default:
      return answer(cseq, { Session: '1' });
  }
}
