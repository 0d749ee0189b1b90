import { connect, type Socket } from 'node:net';
import type { RtspResponse } from '../../src/message/message.ts';
import { StreamParser } from '../../src/message/parser.ts';
import { until } from './clock.ts';

/** A client that sends whatever it is told to. */
export class RawClient {
  readonly socket: Socket;
  readonly responses: RtspResponse[] = [];
  frames: { channel: number; payload: Buffer }[] = [];
  closed = false;
  #cseq = 0;

  constructor(port: number) {
    const parser = new StreamParser({
      onMessage: (message) => {
        if (message.kind === 'response') this.responses.push(message);
      },
      onInterleaved: (channel, buf, start, end) =>
        this.frames.push({ channel, payload: Buffer.from(buf.subarray(start, end)) }),
    });
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => parser.push(chunk, 0, chunk.length));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  /** Sends a request; resolves with its answer. */
  async request(method: string, url: string, fields: Record<string, string> = {}): Promise<RtspResponse> {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const cseq = String(++this.#cseq);
    this.socket.write(`${method} ${url} RTSP/1.0\r\nCSeq: ${cseq}\r\n${lines.join('')}\r\n`);
    const answer = () => this.responses.find(({ headers }) => headers.get('cseq')?.[0] === cseq);
    await until(() => answer() !== undefined || this.closed, `an answer to ${method}`);
    return answer() ?? ({ status: 0 } as RtspResponse);
  }
}
