import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ServerAuth, type ServerAuthOptions } from '../auth/server.ts';
import { type Clock, type Random, RtspError, type Track } from '../types.ts';
import { type ConnectionHost, ServerConnection } from './connection.ts';
import { ServedStream, type StreamHooks, trimSlashes } from './stream.ts';

export interface RtspServerOptions {
  host: string;
  /** 0 for any free one. */
  port: number;
  clock: Clock;
  random: Random;
  /** Anybody may read when not given. */
  auth?: ServerAuthOptions;
  /** RTSP over TLS; PEM. */
  tls?: { key: string | Buffer; cert: string | Buffer };
  /** What is offered; both when not given. UDP would leave TLS and is never offered beside it. */
  transports?: readonly ('tcp' | 'udp')[];
  /**
   * A reader that does not keep up: `drop-reader` after 4 MiB queued (live), or `wait` until 64 MiB, for a
   * source that looks at `queuedBytes` and holds back.
   */
  onSlow?: 'drop-reader' | 'wait';
  /** Bytes queued for one reader before it is dropped; overrides what `onSlow` says. */
  maxQueueBytes?: number;
  /** 256 when not given. */
  maxConnections?: number;
  /** 256 when not given. */
  maxSessions?: number;
  /** 60 s when not given. */
  sessionTimeoutMs?: number;
}

const HANDSHAKE_MS = 10_000;
const QUEUE_BYTES = { 'drop-reader': 4 * 1024 * 1024, wait: 64 * 1024 * 1024 } as const;

/** An RTSP 1.0 server: be a camera, or re-serve one to many readers. */
export class RtspServer {
  readonly #options: RtspServerOptions;
  readonly #server: Server;
  readonly #streams = new Map<string, ServedStream>();
  readonly #connections = new Set<ServerConnection>();
  readonly #host: ConnectionHost;

  constructor(options: RtspServerOptions) {
    this.#options = options;
    const { clock, random, auth, tls, transports = ['tcp', 'udp'], onSlow = 'drop-reader' } = options;
    const maxSessions = options.maxSessions ?? 256;
    this.#host = {
      clock,
      random,
      auth: auth && new ServerAuth(auth, clock),
      transports: tls ? ['tcp'] : transports,
      maxQueueBytes: options.maxQueueBytes ?? QUEUE_BYTES[onSlow],
      sessionTimeoutMs: options.sessionTimeoutMs ?? 60_000,
      findStream: (path) => this.#streams.get(path),
      admitSession: () => [...this.#connections].filter((one) => one.hasSession).length < maxSessions,
    };
    const onConnection = (socket: Socket) => this.#onConnection(socket);
    this.#server = tls
      ? createTlsServer({ ...tls, handshakeTimeout: HANDSHAKE_MS }, onConnection)
      : createServer(onConnection);
    this.#server.maxConnections = options.maxConnections ?? 256;
    this.#server.on('tlsClientError', (_error, socket: Socket) => socket.destroy());
  }

  /** @throws RtspError `unreachable` when the address cannot be used. */
  listen(): Promise<{ port: number }> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) =>
        reject(
          new RtspError('unreachable', `cannot listen on ${host}:${port}: ${error.code}`, { cause: error }),
        );
      this.#server.once('error', refused);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', refused);
        // Out of file descriptors for one connection is no reason to end the others.
        this.#server.on('error', () => undefined);
        resolve({ port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  /**
   * Serves `tracks` at `path` (slashes at the ends do not count) until the stream is closed.
   *
   * @throws RtspError `unsupported` when the path is taken.
   */
  addStream(path: string, tracks: readonly Track[], hooks: StreamHooks = {}): ServedStream {
    const key = trimSlashes(path);
    if (this.#streams.has(key)) throw new RtspError('unsupported', `the path ${key} is served already`);
    const stream: ServedStream = new ServedStream(key, tracks, hooks, {
      clock: this.#options.clock,
      onClose: (closed) => this.#forget(closed),
    });
    this.#streams.set(key, stream);
    return stream;
  }

  /** Hangs up on everybody and frees the port. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const stream of [...this.#streams.values()]) stream.close();
    for (const connection of [...this.#connections]) connection.close();
    await closed;
  }

  #onConnection(socket: Socket): void {
    const connection: ServerConnection = new ServerConnection(socket, this.#host, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }

  #forget(stream: ServedStream): void {
    if (this.#streams.get(stream.path) === stream) this.#streams.delete(stream.path);
    for (const connection of [...this.#connections]) if (connection.stream === stream) connection.close();
  }
}
