import { ClientAuth } from '../auth/client.ts';
import { type HeaderFields, header, type RtspResponse } from '../message/message.ts';
import { type Clock, type FailureCode, type Random, RtspError } from '../types.ts';
import { Connection, type ConnectionHandler } from './connection.ts';
import { Origin, parseTarget, shown } from './url.ts';

/** What it takes to speak to one camera. */
export interface CameraOptions {
  /** rtsp:// or rtsps://, without user info. */
  url: string;
  username?: string;
  password?: string;
  /** SHA-256 of the certificate, hex, colons allowed. Required with rtsps://. */
  tlsFingerprint?: string;
  clock: Clock;
  random: Random;
}

const USER_AGENT = 'OpenNVR';
/** The request itself, once more with an answer to the challenge, once more with a fresh nonce. */
const MAX_ATTEMPTS = 3;

/** Requests and their answers with authentication; anything but success is a typed error. */
export class Dialogue {
  readonly url: string;
  readonly tls: boolean;
  readonly connection: Connection;
  readonly #options: CameraOptions;
  readonly #auth: ClientAuth | undefined;
  #origin: Origin | undefined;

  /** @throws RtspError `unsupported` for a URL or a user name that cannot be used. */
  constructor(options: CameraOptions, handler: ConnectionHandler) {
    const { username, password = '' } = options;
    if (/\p{Cc}/u.test(`${username ?? ''}${password}`)) {
      throw new RtspError('unsupported', 'user name or password hold a control character');
    }
    this.#options = options;
    this.#auth = username === undefined ? undefined : new ClientAuth({ username, password }, options.random);
    const target = parseTarget(options.url);
    this.url = target.url;
    this.tls = target.tls;
    this.connection = new Connection(target, options, handler);
  }

  /** @throws RtspError */
  async open(): Promise<void> {
    await this.connection.open();
    this.#origin = new Origin(parseTarget(this.#options.url), this.connection.remoteAddress);
  }

  /** The camera as connected to. Only after {@link open}. */
  get origin(): Origin {
    if (!this.#origin) throw new RtspError('protocol', 'not connected');
    return this.#origin;
  }

  /**
   * @param patient see {@link Connection.request}
   * @throws RtspError for every status but 2xx; `status` is set then and the connection still good.
   */
  async request(
    method: string,
    url: string,
    fields: HeaderFields = {},
    patient = false,
  ): Promise<RtspResponse> {
    for (let attempt = 1; ; attempt++) {
      const all = this.#withAuthorization(method, url, fields);
      const response = await this.connection.request(method, url, all, patient);
      const challenges = response.headers.get('www-authenticate') ?? [];
      const retry =
        response.status === 401 &&
        attempt < MAX_ATTEMPTS &&
        this.#auth?.accept(challenges, all.Authorization !== undefined);
      if (retry) continue;
      if (response.status >= 200 && response.status < 300) return response;
      throw this.#refusal(method, response);
    }
  }

  /** Says goodbye without waiting for an answer. */
  finish(method: string, url: string, fields: HeaderFields): Promise<void> {
    return this.connection.finish(method, url, this.#withAuthorization(method, url, fields));
  }

  #withAuthorization(method: string, url: string, fields: HeaderFields): HeaderFields {
    const authorization = this.#auth?.authorization(method, url);
    return { ...fields, 'User-Agent': USER_AGENT, Authorization: authorization };
  }

  #refusal(method: string, response: RtspResponse): RtspError {
    const { status } = response;
    if (status >= 300 && status < 400) {
      const to = /^[a-z]+:\/\/([^/?#]*)/i.exec(header(response, 'location') ?? '')?.[1] ?? '';
      return new RtspError('redirected', `${method}: the camera redirects to ${shown(to)}`, { status });
    }
    if (status === 401) {
      const text = this.#auth ? 'does not accept user name and password' : 'wants user name and password';
      return new RtspError('unauthorized', `${method}: the camera ${text}`, { status });
    }
    const code = CODES[status] ?? 'protocol';
    return new RtspError(code, `${method}: the camera answered with status ${status}`, { status });
  }
}

const CODES: Record<number, FailureCode> = {
  403: 'unauthorized',
  404: 'not_found',
  405: 'unsupported',
  406: 'unsupported',
  410: 'not_found',
  415: 'unsupported',
  453: 'unreachable',
  454: 'disconnected',
  461: 'unsupported',
  501: 'unsupported',
  503: 'unreachable',
  505: 'unsupported',
  551: 'unsupported',
};
