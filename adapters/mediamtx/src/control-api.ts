import { type PathState, parsePathConfigs, parsePaths, parseSessions } from './api-answers.ts';

export type { PathState } from './api-answers.ts';

import type { PathConfig } from './config.ts';
import { basicAuthorization, type User } from './secrets.ts';
import { ApiError, UnixHttp } from './unix-http.ts';

/** Everything fits on one page: there are at most 256 paths and 64 sessions. */
const PAGE = 'itemsPerPage=1000&page=0';

/**
 * The part of MediaMTX's control API (v3) we use, the same for every version. Answers are checked, since the process
 * that gives them reads bytes from cameras.
 */
export class ControlApi {
  readonly #http: UnixHttp;

  constructor(socketPath: string, user: User) {
    this.#http = new UnixHttp(socketPath, basicAuthorization(user));
  }

  paths(): Promise<Map<string, PathState>> {
    return this.#list('/v3/paths/list', parsePaths);
  }

  /** What each path is configured to do. Contains credentials. */
  pathConfigs(): Promise<ReturnType<typeof parsePathConfigs>> {
    return this.#list('/v3/config/paths/list', parsePathConfigs);
  }

  /** Creates the path or makes it be exactly this. */
  async replacePath(name: string, config: PathConfig): Promise<void> {
    await this.#ok('POST', `/v3/config/paths/replace/${name}`, JSON.stringify(config));
  }

  async deletePath(name: string): Promise<void> {
    await this.#ok('DELETE', `/v3/config/paths/delete/${name}`, undefined, 404);
  }

  webrtcSessions(): Promise<string[]> {
    return this.#list('/v3/webrtcsessions/list', parseSessions);
  }

  /** Ends a session; one that is already over is fine. */
  async kickWebrtc(id: string): Promise<void> {
    await this.#ok('POST', `/v3/webrtcsessions/kick/${id}`, undefined, 404);
  }

  close(): void {
    this.#http.close();
  }

  async #list<T>(path: string, parse: (answer: string) => T): Promise<T> {
    const reply = await this.#ok('GET', `${path}?${PAGE}`);
    try {
      return parse(reply);
    } catch (error) {
      if (error instanceof ApiError) throw new ApiError(`GET ${path}: ${error.message}`);
      throw error;
    }
  }

  async #ok(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: string,
    alsoFine?: number,
  ): Promise<string> {
    const reply = await this.#http.call({ method, path, ...(body === undefined ? {} : { body }) });
    if (reply.status !== 200 && reply.status !== alsoFine) {
      // The body may repeat the configuration, and with it credentials.
      throw new ApiError(`${method} ${path}: status ${reply.status}`, reply.status);
    }
    return reply.body;
  }
}
