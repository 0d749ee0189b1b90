import { createServer, type Server, type Socket } from 'node:net';

/** Answers every request but OPTIONS with one status; counts who came and keeps what they said. */
export class FakeCamera {
  readonly heard: string[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  port = 0;

  constructor(answer: string) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => {
        const request = chunk.toString();
        this.heard.push(request);
        const sequence = /^CSeq: *(\d+)/im.exec(request)?.[1] ?? '1';
        const status = request.startsWith('OPTIONS') ? '200 OK\r\nPublic: DESCRIBE, SETUP, PLAY' : answer;
        socket.write(`RTSP/1.0 ${status}\r\nCSeq: ${sequence}\r\n\r\n`);
      });
    });
  }

  listen(port = 0): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.on('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        const address = this.#server.address();
        if (address && typeof address === 'object') this.port = address.port;
        resolve();
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
