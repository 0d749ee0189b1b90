import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import {
  encodeRequest,
  encodeResponse,
  type HeaderFields,
  header,
  type RtspMessage,
  type RtspRequest,
  type RtspResponse,
  sequenceNumber,
} from '../message/message.ts';
import { StreamParser } from '../message/parser.ts';
import { type Clock, RtspError } from '../types.ts';
import { shown, type Target } from './url.ts';

export interface ConnectionHandler {
  onInterleaved(channel: number, buf: Buffer, start: number, end: number): void;
  /** Once, whoever ended it. */
  onClose(error: RtspError): void;
}

export interface ConnectionOptions {
  clock: Clock;
  /** SHA-256 of the server's certificate, hex, colons allowed. Required for rtsps, refused for rtsp. */
  tlsFingerprint?: string;
}

interface Pending {
  cseq: number;
  method: string;
  resolve(response: RtspResponse): void;
  reject(error: RtspError): void;
  cancelTimer(): void;
}

/** For connecting, and for each request, ms. */
const TIMEOUT_MS = 10_000;
/** How long a TEARDOWN may take to leave, ms. */
const LINGER_MS = 1000;
/** Bytes a server may leave unread of what we send. */
const MAX_UNREAD = 64 * 1024;

/** Rests of all connections end on this beat, ms: one wake-up serves many. */
const REST_BEAT_MS = 20;

/**
 * What plain TCP connections read into: all of them the same memory, since the bytes of a read are used up
 * before the next read of any connection starts. It stays in the processor's cache and costs a camera nothing.
 */
const SHARED_READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);

/** One TCP or TLS connection to a server, one request at a time. Every failure ends it, with a typed reason. */
export class Connection {
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #handler: ConnectionHandler;
  readonly #fingerprint: string | undefined;
  readonly #parser: StreamParser;
  #socket: Socket | undefined;
  #opening: { resolve(): void; reject(error: RtspError): void } | undefined;
  #cancelOpening: (() => void) | undefined;
  #pending: Pending | undefined;
  #cseq = 0;
  /** CSeq of the latest request given up on: its answer may still come. */
  #givenUp = 0;
  #closed: RtspError | undefined;
  #readEveryMs = 0;
  #cancelRest: (() => void) | undefined;

  constructor(target: Target, options: ConnectionOptions, handler: ConnectionHandler) {
    this.#target = target;
    this.#clock = options.clock;
    this.#handler = handler;
    this.#fingerprint = options.tlsFingerprint?.replaceAll(':', '').toLowerCase();
    this.#parser = new StreamParser({
      onMessage: (message) => this.#onMessage(message),
      onInterleaved: (channel, buf, start, end) => handler.onInterleaved(channel, buf, start, end),
    });
  }

  /** @throws RtspError `unreachable`, `tls` or `cancelled`. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#opening = { resolve, reject };
      const where = `${shown(this.#target.host)}:${this.#target.port}`;
      if (this.#target.tls !== (this.#fingerprint !== undefined)) {
        const text = this.#target.tls ? 'rtsps needs a certificate fingerprint' : 'a fingerprint needs rtsps';
        return this.#fail(new RtspError('tls', text));
      }
      this.#cancelOpening = this.#clock.after(TIMEOUT_MS, () =>
        this.#fail(new RtspError('unreachable', `no connection to ${where} within ${TIMEOUT_MS / 1000} s`)),
      );
      const socket = this.#target.tls ? this.#connectTls() : this.#connectPlain();
      this.#socket = socket;
      socket.setNoDelay(true);
      socket.on('end', () => this.#fail(this.#lost('the camera closed the connection')));
      socket.on('close', () => this.#fail(this.#lost('the connection is closed')));
      socket.on('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code ?? 'unknown error';
        if (!this.#opening) this.#fail(this.#lost(`the connection broke: ${reason}`));
        else if (socket.connecting || socket.remoteAddress === undefined || !this.#target.tls)
          this.#fail(new RtspError('unreachable', `no connection to ${where}: ${reason}`, { cause: error }));
        else this.#fail(new RtspError('tls', `no TLS with ${where}: ${reason}`, { cause: error }));
      });
    });
  }

  get remoteAddress(): string {
    return this.#socket?.remoteAddress ?? '';
  }

  get localAddress(): string {
    return this.#socket?.localAddress ?? '';
  }

  /**
   * Sends a request and waits for its answer, whatever its status.
   * `patient`: an answer that does not come is not the end of the connection, only of this request.
   *
   * @throws RtspError with the reason the connection ended, or `stalled`.
   */
  request(method: string, url: string, fields: HeaderFields, patient = false): Promise<RtspResponse> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      if (this.#pending) return reject(new RtspError('protocol', 'one request at a time'));
      const cseq = ++this.#cseq;
      const cancelTimer = this.#clock.after(TIMEOUT_MS, () => this.#giveUp(method, patient));
      this.#pending = { cseq, method, resolve, reject, cancelTimer };
      this.#write(encodeRequest(method, url, { CSeq: cseq, ...fields }));
    });
  }

  /** Sends a last request without waiting for its answer; resolves when the connection is gone. */
  async finish(method: string, url: string, fields: HeaderFields): Promise<void> {
    const socket = this.#socket;
    if (this.#closed || !socket) return;
    this.#write(encodeRequest(method, url, { CSeq: ++this.#cseq, ...fields }));
    // The other side's end is seen by reading only.
    this.readEvery(0);
    this.#socket = undefined;
    this.close();
    const gone = new Promise((resolve) => socket.once('close', resolve));
    const cancel = this.#clock.after(LINGER_MS, () => socket.destroy());
    socket.end();
    await gone;
    cancel();
  }

  /**
   * Reads at most once every `ms`; the kernel keeps what comes in between. 0: whenever something comes.
   * A few large reads cost a fraction of many small ones. Has no effect on TLS.
   */
  readEvery(ms: number): void {
    this.#readEveryMs = ms;
    if (ms === 0 && this.#cancelRest) this.#readOn();
  }

  close(error = new RtspError('cancelled', 'closed by us')): void {
    this.#fail(error);
  }

  #connectPlain(): Socket {
    const { host, port } = this.#target;
    const callback = (length: number, buffer: Uint8Array) => {
      this.#read(buffer as Buffer, length);
      if (this.#readEveryMs === 0 || this.#closed) return true;
      this.#rest();
      return false;
    };
    const socket = connect({ host, port, onread: { buffer: SHARED_READ_BUFFER, callback } });
    socket.once('connect', () => this.#opened());
    return socket;
  }

  #connectTls(): Socket {
    const { host, port } = this.#target;
    // No certificate authority vouches for cameras: the fingerprint does, and before a byte is written.
    const servername = isIP(host) ? '' : host;
    const socket: TLSSocket = connectTls({ host, port, servername, rejectUnauthorized: false });
    socket.once('secureConnect', () => {
      const presented = socket.getPeerCertificate().fingerprint256 ?? '';
      if (presented.replaceAll(':', '').toLowerCase() === this.#fingerprint) this.#opened();
      else this.#fail(new RtspError('tls', `the certificate is another one: SHA-256 ${presented}`));
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk, chunk.length));
    return socket;
  }

  #rest(): void {
    const now = this.#clock.monotonic();
    const end = Math.ceil((now + this.#readEveryMs) / REST_BEAT_MS) * REST_BEAT_MS;
    this.#cancelRest?.();
    this.#cancelRest = this.#clock.after(end - now, () => this.#readOn());
  }

  #readOn(): void {
    this.#cancelRest?.();
    this.#cancelRest = undefined;
    if (!this.#closed) this.#socket?.resume();
  }

  #opened(): void {
    this.#cancelOpening?.();
    this.#opening?.resolve();
    this.#opening = undefined;
  }

  #read(buf: Buffer, length: number): void {
    if (this.#closed) return;
    try {
      this.#parser.push(buf, 0, length);
    } catch (error) {
      if (!(error instanceof RtspError)) throw error;
      this.#fail(error);
    }
  }

  #onMessage(message: RtspMessage): void {
    if (message.kind === 'request') {
      this.#onRequest(message);
      return;
    }
    const cseq = sequenceNumber(message);
    const pending = this.#pending;
    if (pending && cseq === pending.cseq) {
      this.#pending = undefined;
      pending.cancelTimer();
      pending.resolve(message);
    } else if (cseq === undefined || cseq > this.#givenUp || cseq === 0) {
      const expected = pending ? `${pending.cseq} (${pending.method})` : 'none';
      this.#fail(new RtspError('protocol', `an answer with CSeq ${cseq ?? 'missing'}, expected ${expected}`));
    }
  }

  /** Servers may ask, too (RFC 2326 10). Nothing they ask moves us anywhere. */
  #onRequest(message: RtspRequest): void {
    if (message.method === 'REDIRECT') {
      const to = /^[a-z]+:\/\/([^/?#]*)/i.exec(header(message, 'location') ?? '')?.[1] ?? '';
      this.#fail(new RtspError('redirected', `the camera redirects to ${shown(to)}`));
    } else if (message.method === 'TEARDOWN') {
      this.#fail(new RtspError('disconnected', 'the camera ended the session'));
    } else {
      const known = ['OPTIONS', 'GET_PARAMETER', 'SET_PARAMETER'].includes(message.method);
      this.#write(encodeResponse(known ? 200 : 501, { CSeq: sequenceNumber(message) ?? 0 }));
    }
  }

  #giveUp(method: string, patient: boolean): void {
    const waiting = this.#parser.waitingFor;
    const text = `no answer to ${method} within ${TIMEOUT_MS / 1000} s`;
    const error = new RtspError('stalled', waiting === undefined ? text : `${text}: waited for ${waiting}`);
    if (!patient) {
      this.#fail(error);
      return;
    }
    const pending = this.#pending;
    this.#pending = undefined;
    this.#givenUp = pending?.cseq ?? this.#givenUp;
    pending?.reject(error);
  }

  #write(bytes: Buffer): void {
    const socket = this.#socket;
    if (!socket || this.#closed) return;
    socket.write(bytes);
    if (socket.writableLength > MAX_UNREAD) {
      this.#fail(new RtspError('limit', 'the camera does not read what it is sent'));
    }
  }

  #lost(text: string): RtspError {
    const code = this.#opening ? 'unreachable' : 'disconnected';
    const waiting = this.#parser.waitingFor;
    return new RtspError(code, waiting === undefined ? text : `${text} in the middle of ${waiting}`);
  }

  #fail(error: RtspError): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#parser.stop();
    this.#cancelOpening?.();
    this.#cancelRest?.();
    this.#socket?.destroy();
    this.#pending?.cancelTimer();
    this.#pending?.reject(error);
    this.#pending = undefined;
    this.#opening?.reject(error);
    this.#opening = undefined;
    this.#handler.onClose(error);
  }
}
