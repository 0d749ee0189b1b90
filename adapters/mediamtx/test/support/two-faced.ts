import { connect, createServer, type Server, type Socket } from 'node:net';

/** A camera that is itself to us, and sends everybody else to another address. */
export class TwoFacedCamera {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  port = 0;

  constructor(honestPort: number, elsewhere: string) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('data', (first: Buffer) => {
        if (first.includes('User-Agent: OpenNVR')) {
          const behind = connect(honestPort, '127.0.0.1');
          behind.on('error', () => socket.destroy());
          socket.on('close', () => behind.destroy());
          behind.write(first);
          socket.pipe(behind).pipe(socket);
          return;
        }
        const answer = (request: Buffer) => {
          const sequence = /^CSeq: *(\d+)/im.exec(request.toString())?.[1];
          const status = request.includes('OPTIONS') ? '200 OK' : `302 Moved\r\nLocation: ${elsewhere}`;
          socket.write(`RTSP/1.0 ${status}\r\nCSeq: ${sequence}\r\n\r\n`);
        };
        answer(first);
        socket.on('data', answer);
      });
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
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
