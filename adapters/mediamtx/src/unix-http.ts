import { Agent, type IncomingHttpHeaders, request } from 'node:http';

/** MediaMTX did not answer, or not in a way we can use. */
export class ApiError extends Error {
  override name = 'ApiError';
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface HttpReply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface HttpCall {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  body?: string;
  contentType?: string;
}

/** 256 paths with 64 readers each are well below this. */
const MAX_BODY = 8 * 1024 * 1024;
const TIMEOUT_MS = 10_000;

/** HTTP to one unix socket with one user's credentials. */
export class UnixHttp {
  readonly #socketPath: string;
  readonly #authorization: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4, timeout: TIMEOUT_MS });

  constructor(socketPath: string, authorization: string) {
    this.#socketPath = socketPath;
    this.#authorization = authorization;
  }

  /** @throws ApiError when there is no complete answer within 10 s, or it is larger than 8 MiB. */
  call({ method, path, body, contentType = 'application/json' }: HttpCall): Promise<HttpReply> {
    return new Promise((resolve, reject) => {
      const fail = (problem: string, cause?: unknown) =>
        reject(new ApiError(`${method} ${path}: ${problem}`, undefined, { cause }));
      const call = request(
        {
          socketPath: this.#socketPath,
          agent: this.#agent,
          method,
          path,
          signal: AbortSignal.timeout(TIMEOUT_MS),
          headers: {
            host: 'localhost',
            authorization: this.#authorization,
            ...(body === undefined
              ? {}
              : { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on('data', (chunk: Buffer) => {
            size += chunk.length;
            if (size > MAX_BODY) response.destroy(new Error('answer too large'));
            else chunks.push(chunk);
          });
          response.on('error', (error) => fail(error.message, error));
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString('utf8'),
            }),
          );
        },
      );
      call.on('error', (error) => fail((error as NodeJS.ErrnoException).code ?? error.message, error));
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
