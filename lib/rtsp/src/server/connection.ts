import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ServerAuth } from '../auth/server.ts';
import {
  encodeResponse,
  type HeaderFields,
  header,
  type RtspMessage,
  type RtspRequest,
  sequenceNumber,
} from '../message/message.ts';
import { StreamParser } from '../message/parser.ts';
import { type Clock, RtspError } from '../types.ts';
import { normalAddress } from '../udp/address.ts';
import { Reader } from './reader.ts';
import { type Grant, grantTransport, type TransportRules } from './setup.ts';
import { readPath, type ServedStream } from './stream.ts';

/** What a connection needs of its server. */
export interface ConnectionHost extends TransportRules {
  clock: Clock;
  auth: ServerAuth | undefined;
  maxQueueBytes: number;
  sessionTimeoutMs: number;
  findStream(path: string): ServedStream | undefined;
  /** False when the server has as many sessions as it takes. */
  admitSession(): boolean;
}

interface Session {
  id: string;
  stream: ServedStream;
  reader: Reader;
  playing: boolean;
}

interface Answer {
  status: number;
  fields?: HeaderFields;
  body?: string;
  /** Runs once the answer is written. */
  after?: () => void;
}

const METHODS = 'OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN';
/** Known to RTSP, not done here. */
const OTHER_METHODS = new Set(['ANNOUNCE', 'PAUSE', 'RECORD', 'REDIRECT']);
const MAX_REQUESTS_PER_S = 50;
const MAX_FAILED_LOGINS = 5;
/** Requests waiting for an answer that is still being made. */
const MAX_WAITING = 16;

/** One client of the server: its requests in order, its one session, its end. */
export class ServerConnection {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #onClose: () => void;
  readonly #parser: StreamParser;
  readonly #address: string;
  #session: Session | undefined;
  #waiting: RtspRequest[] = [];
  #answering = false;
  #failedLogins = 0;
  #windowStart = 0;
  #requests = 0;
  #active = true;
  #cancelIdle: (() => void) | undefined;
  #closed = false;

  constructor(socket: Socket, host: ConnectionHost, onClose: () => void) {
    this.#socket = socket;
    this.#host = host;
    this.#onClose = onClose;
    this.#address = normalAddress(socket.remoteAddress ?? '');
    this.#parser = new StreamParser({
      onMessage: (message) => this.#onMessage(message),
      // Receiver reports: a sign of life, nothing more.
      onInterleaved: () => {
        this.#active = true;
      },
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => this.close());
    socket.on('end', () => this.close());
    socket.on('close', () => this.close());
    this.#watchIdle();
  }

  /** True while it has a session, playing or not. */
  get hasSession(): boolean {
    return this.#session !== undefined;
  }

  get stream(): ServedStream | undefined {
    return this.#session?.stream;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parser.stop();
    this.#cancelIdle?.();
    this.#endSession();
    this.#socket.destroy();
    this.#onClose();
  }

  #read(chunk: Buffer): void {
    try {
      this.#parser.push(chunk, 0, chunk.length);
    } catch (error) {
      if (!(error instanceof RtspError)) throw error;
      this.#socket.write(encodeResponse(400, {}));
      this.close();
    }
  }

  #onMessage(message: RtspMessage): void {
    this.#active = true;
    const now = this.#host.clock.monotonic();
    if (now - this.#windowStart >= 1000) {
      this.#windowStart = now;
      this.#requests = 0;
    }
    if (++this.#requests > MAX_REQUESTS_PER_S || this.#waiting.length >= MAX_WAITING) {
      this.close();
      return;
    }
    if (message.kind === 'response') return;
    this.#waiting.push(message);
    if (!this.#answering) this.#answerAll().catch((error: unknown) => this.#onBroken(error));
  }

  /** In the order of the requests: clients may send the next before they have the answer. */
  async #answerAll(): Promise<void> {
    this.#answering = true;
    for (let request = this.#waiting.shift(); request && !this.#closed; request = this.#waiting.shift()) {
      const cseq = sequenceNumber(request);
      const answer = cseq === undefined ? { status: 400 } : await this.#answer(request);
      if (this.#closed) return;
      const fields = { CSeq: cseq, Server: 'OpenNVR', ...answer.fields };
      this.#socket.write(encodeResponse(answer.status, fields, answer.body));
      answer.after?.();
      if (this.#socket.writableLength > this.#host.maxQueueBytes) this.close();
    }
    this.#answering = false;
  }

  #onBroken(error: unknown): void {
    this.close();
    if (!(error instanceof RtspError)) throw error;
  }

  async #answer(request: RtspRequest): Promise<Answer> {
    const { method } = request;
    if (method === 'OPTIONS') return { status: 200, fields: { Public: METHODS } };
    if (OTHER_METHODS.has(method)) return { status: 405, fields: { Allow: METHODS } };
    const session = this.#sessionOf(request);
    // Whoever set up a session on this connection has shown who they are.
    if (!session || method === 'DESCRIBE' || method === 'SETUP') {
      const refused = this.#checkLogin(request);
      if (refused) return refused;
    }
    if (method === 'DESCRIBE') return this.#describe(request);
    if (method === 'SETUP') return this.#setUp(request);
    if (method === 'GET_PARAMETER' && header(request, 'session') === undefined) return { status: 200 };
    if (method !== 'PLAY' && method !== 'GET_PARAMETER' && method !== 'TEARDOWN') return { status: 501 };
    if (!session) return { status: 454 };
    const fields = { Session: session.id };
    if (method === 'GET_PARAMETER') return { status: 200, fields };
    if (method === 'TEARDOWN') return { status: 200, fields, after: () => this.#endSession() };
    return { status: 200, fields: { ...fields, Range: 'npt=now-' }, after: () => this.#play(session) };
  }

  /** A 401, or undefined for those who may. */
  #checkLogin(request: RtspRequest): Answer | undefined {
    const fields = request.headers.get('authorization') ?? [];
    const verdict = this.#host.auth?.check(request.method, request.url, fields) ?? { ok: true };
    if (verdict.ok) return undefined;
    if (fields.length > 0) this.#failedLogins++;
    const answer: Answer = { status: 401, fields: { 'WWW-Authenticate': verdict.challenges } };
    if (this.#failedLogins > MAX_FAILED_LOGINS) answer.after = () => this.close();
    return answer;
  }

  #describe(request: RtspRequest): Answer {
    const stream = this.#host.findStream(readPath(request.url).path);
    if (!stream) return { status: 404 };
    const base = request.url.replace(/[?#].*$/s, '').replace(/\/*$/, '/');
    const fields = { 'Content-Base': base, 'Content-Type': 'application/sdp' };
    return { status: 200, fields, body: stream.describe() };
  }

  async #setUp(request: RtspRequest): Promise<Answer> {
    const { path, track = 0 } = readPath(request.url);
    const stream = this.#host.findStream(path);
    if (!stream || track >= stream.tracks.length) return { status: 404 };
    const named = header(request, 'session') !== undefined;
    const session = this.#sessionOf(request);
    if (named && !session) return { status: 454 };
    if (!session && (this.#session || !this.#host.admitSession()))
      return { status: this.#session ? 459 : 453 };
    if (session?.playing || session?.reader.hasTrack(track)) return { status: 455 };
    if (session && session.stream !== stream) return { status: 459 };

    const peer = { remote: this.#address, local: this.#socket.localAddress ?? '' };
    const offer = header(request, 'transport') ?? '';
    const grant = await grantTransport(offer, track, this.#host, peer, session?.reader.transport);
    if (!grant) return { status: 461 };
    const current = session ?? this.#open(stream, grant);
    if (this.#closed || !this.#useGrant(current.reader, track, grant)) {
      grant.release();
      return { status: 461 };
    }
    const seconds = Math.ceil(this.#host.sessionTimeoutMs / 1000);
    return {
      status: 200,
      fields: { Transport: grant.answer, Session: `${current.id};timeout=${seconds}` },
    };
  }

  #open(stream: ServedStream, grant: Grant): Session {
    const id = randomBytes(8).toString('hex');
    const reader = new Reader({
      info: { id, address: this.#address, transport: grant.transport },
      socket: this.#socket,
      maxQueueBytes: this.#host.maxQueueBytes,
      drop: () => this.close(),
    });
    this.#session = { id, stream, reader, playing: false };
    return this.#session;
  }

  #useGrant(reader: Reader, track: number, grant: Grant): boolean {
    if (grant.transport === 'tcp') return reader.useChannel(track, grant.channel);
    grant.pair.rtcp.on('message', () => {
      this.#active = true;
    });
    reader.usePair(track, grant.pair);
    return true;
  }

  #play(session: Session): void {
    if (session.playing || this.#session !== session) return;
    session.playing = true;
    session.stream.join(session.reader);
  }

  #endSession(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.stream.leave(session.reader);
    session?.reader.close();
  }

  /** The session that a request names; ours is the only one it can be. */
  #sessionOf(request: RtspRequest): Session | undefined {
    const id = header(request, 'session')?.split(';')[0]?.trim();
    return this.#session?.id === id ? this.#session : undefined;
  }

  /**
   * Hangs up on those who have said nothing for the session timeout. A reader of interleaved packets says
   * enough by taking them.
   */
  #watchIdle(): void {
    this.#cancelIdle = this.#host.clock.after(this.#host.sessionTimeoutMs, () => {
      const reading = this.#session?.playing === true && this.#session.reader.transport === 'tcp';
      if (!this.#active && !reading) return this.close();
      this.#active = false;
      this.#watchIdle();
    });
  }
}
