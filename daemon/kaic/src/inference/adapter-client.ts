import { connectivityState, Metadata, status } from '@grpc/grpc-js';
import {
  AdapterServiceClient,
  type DescribeResponse,
  type InferRequest,
  type InferResult,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import {
  describeProblem,
  inferRequestProblem,
  inferResponseProblem,
} from '@opennvr/proto/validate/inference';
import { type Clock, dialUnix, sleep } from '@opennvr/service';

/** An answer is a list of boxes, not a picture; 4 MiB of empty ones took 600 ms and 190 MB to read. */
const MAX_ANSWER_BYTES = 256 * 1024;
const DESCRIBE_DEADLINE_MS = 5000;
const RETRY_MS = 500;

/** `timeout`: no answer in time. `gone`: no adapter there. `contract`: an answer that breaks it. `adapter`: its own error. */
export type InferFailure = 'timeout' | 'gone' | 'contract' | 'adapter' | 'cancelled';

/** Why there is no result. */
export class InferenceError extends Error {
  override name = 'InferenceError';
  readonly reason: InferFailure;

  constructor(reason: InferFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface AdapterClientOptions {
  socketPath: string;
  clock: Clock;
  /** The adapter is there and says who it is; again after each time it was away. */
  onDescribed(description: DescribeResponse): void;
  onGone(why: string): void;
}

/** One adapter at the other end of a unix socket. Comes back by itself; everything it says is checked. */
export class AdapterClient {
  readonly #options: AdapterClientOptions;
  readonly #client: AdapterServiceClient;
  readonly #closing = new AbortController();

  constructor(options: AdapterClientOptions) {
    this.#options = options;
    this.#client = dialUnix(AdapterServiceClient, options.socketPath, {
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    });
    void this.#stayConnected();
  }

  /** @throws InferenceError */
  async infer(request: InferRequest, deadlineMs: number): Promise<InferResult> {
    const refused = inferRequestProblem(request);
    // A camera's doing, or ours: no adapter has seen it.
    if (refused !== undefined) throw new InferenceError('cancelled', `request: ${refused}`);
    const response = await new Promise<Parameters<typeof inferResponseProblem>[0]>((resolve, reject) => {
      const call = this.#client.infer(
        request,
        new Metadata(),
        { deadline: Date.now() + deadlineMs },
        (error, answer) => {
          this.#closing.signal.removeEventListener('abort', cancel);
          if (error) reject(asInferenceError(error, deadlineMs));
          else resolve(answer);
        },
      );
      const cancel = () => call.cancel();
      this.#closing.signal.addEventListener('abort', cancel, { once: true });
    });
    const problem = inferResponseProblem(response);
    if (problem !== undefined) throw new InferenceError('contract', `answer: ${problem}`);
    if (response.outcome?.$case === 'result') return response.outcome.value;
    const { code, message } = response.outcome?.value ?? { code: 'unknown', message: '' };
    throw new InferenceError('adapter', `${code}: ${message}`);
  }

  close(): void {
    this.#closing.abort(new Error('closing'));
    this.#client.close();
  }

  async #stayConnected(): Promise<void> {
    const { clock, onDescribed, onGone } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const description = await this.#describe();
        const problem = describeProblem(description);
        if (problem !== undefined) throw new Error(`describe: ${problem}`);
        if (signal.aborted) return;
        onDescribed(description);
        await this.#disconnected();
        if (!signal.aborted) onGone('the connection ended');
      } catch (error) {
        if (signal.aborted) return;
        onGone((error as Error).message);
        await sleep(clock, RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  #describe(): Promise<DescribeResponse> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + DESCRIBE_DEADLINE_MS, waitForReady: true };
      this.#client.describe({}, new Metadata({ waitForReady: true }), options, (error, response) => {
        if (error) reject(new Error(error.details));
        else resolve(response);
      });
    });
  }

  #disconnected(): Promise<void> {
    const channel = this.#client.getChannel();
    return new Promise((resolve) => {
      const watch = () => {
        const state = channel.getConnectivityState(false);
        if (state !== connectivityState.READY) resolve();
        else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, watch);
      };
      watch();
    });
  }
}

function asInferenceError(error: { code: status; details: string }, deadlineMs: number): InferenceError {
  switch (error.code) {
    case status.DEADLINE_EXCEEDED:
      return new InferenceError('timeout', `no answer within ${deadlineMs} ms`);
    case status.CANCELLED:
      return new InferenceError('cancelled', 'cancelled');
    case status.UNAVAILABLE:
      return new InferenceError('gone', error.details);
    case status.RESOURCE_EXHAUSTED:
      return new InferenceError('contract', `answer larger than ${MAX_ANSWER_BYTES} bytes`);
    default:
      return new InferenceError('adapter', `${status[error.code] ?? error.code}: ${error.details}`);
  }
}
