import { connectivityState, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  AdapterServiceClient,
  type DescribeResponse,
  type InferRequest,
  type InferResponse,
  type InferResult,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { describeProblem, inferRequestProblem } from '@opennvr/proto/validate/inference';
import { type Clock, checkHealth, dialUnix, sleep } from '@opennvr/service';
import { asInferenceError, MAX_ANSWER_BYTES, resultOf } from './answer.ts';
import { InferenceError } from './failure.ts';
import { FrameStream } from './frame-stream.ts';

const DESCRIBE_DEADLINE_MS = 5000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface AdapterClientOptions {
  socketPath: string;
  clock: Clock;
  /** The adapter is there, is healthy and says who it is; again after each time it was away. */
  onDescribed(description: DescribeResponse): void;
  onGone(why: InferenceError): void;
  /** How many frames the adapter can have at a time has changed. */
  onWindow(): void;
}

/** One adapter at the other end of a unix socket. Comes back by itself; everything it says is checked. */
export class AdapterClient {
  readonly #options: AdapterClientOptions;
  readonly #client: AdapterServiceClient;
  readonly #closing = new AbortController();
  readonly #idle = new Set<() => void>();
  #stream: FrameStream | undefined;
  #window = Number.POSITIVE_INFINITY;
  #outstanding = 0;

  constructor(options: AdapterClientOptions) {
    this.#options = options;
    this.#client = dialUnix(AdapterServiceClient, options.socketPath, {
      'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    });
    void this.#stayConnected();
  }

  /** Frames it can have at a time, as far as credits go: infinite for one that does not stream. */
  get window(): number {
    return this.#window;
  }

  /** @throws InferenceError */
  async infer(request: InferRequest, deadlineMs: number): Promise<InferResult> {
    const refused = inferRequestProblem(request);
    // A camera's doing, or ours: no adapter has seen it.
    if (refused !== undefined) throw new InferenceError('cancelled', `request: ${refused}`);
    this.#outstanding++;
    try {
      if (this.#stream) return await this.#stream.infer(request, deadlineMs);
      return resultOf(await this.#call(request, deadlineMs));
    } finally {
      if (--this.#outstanding === 0) for (const tell of this.#idle) tell();
    }
  }

  /** Lets running calls end, for `limitMs` at most, then closes. */
  async drain(limitMs: number): Promise<void> {
    if (this.#outstanding > 0) {
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.after(limitMs, resolve);
        this.#idle.add(() => {
          cancel();
          resolve();
        });
      });
    }
    this.close();
  }

  close(): void {
    this.#closing.abort(new Error('closing'));
    this.#stream?.close();
    this.#client.close();
  }

  #call(request: InferRequest, deadlineMs: number): Promise<InferResponse> {
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs };
      const call = this.#client.infer(request, new Metadata(), options, (error, answer) => {
        this.#closing.signal.removeEventListener('abort', cancel);
        if (error) reject(asInferenceError(error, deadlineMs));
        else resolve(answer);
      });
      const cancel = () => call.cancel();
      this.#closing.signal.addEventListener('abort', cancel, { once: true });
    });
  }

  async #stayConnected(): Promise<void> {
    const { clock, onGone } = this.#options;
    const { signal } = this.#closing;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const why = await this.#session();
      if (signal.aborted) return;
      onGone(why);
      // One that breaks the contract costs more than one that is away, and does so again.
      pauseMs = why.reason === 'contract' ? Math.min(pauseMs * 2, LONGEST_PAUSE_MS) : FIRST_PAUSE_MS;
      await sleep(clock, pauseMs, signal).catch(() => undefined);
    }
  }

  /** From dialling to the end of the connection. Never rejects. */
  async #session(): Promise<InferenceError> {
    try {
      const description = await this.#describe();
      const problem = describeProblem(description);
      if (problem !== undefined) return new InferenceError('contract', `describe: ${problem}`);
      if (this.#closing.signal.aborted) return new InferenceError('cancelled', 'closing');
      const streamEnd = description.streaming ? this.#openStream() : new Promise<never>(() => undefined);
      this.#options.onDescribed(description);
      return await Promise.race([this.#disconnected(), streamEnd]);
    } catch (error) {
      return error instanceof InferenceError ? error : new InferenceError('gone', (error as Error).message);
    } finally {
      this.#stream?.close();
      this.#stream = undefined;
      this.#window = Number.POSITIVE_INFINITY;
    }
  }

  async #describe(): Promise<DescribeResponse> {
    const health = await checkHealth(this.#client, {
      deadlineMs: DESCRIBE_DEADLINE_MS,
      waitForReady: true,
    }).catch((error: ServiceError) => {
      // Kept lenient here; the conformance kit is not.
      if (error.code === status.UNIMPLEMENTED) return 'SERVING';
      throw new InferenceError('gone', error.details);
    });
    if (health !== 'SERVING') throw new InferenceError('gone', `its health is ${health}`);
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + DESCRIBE_DEADLINE_MS };
      this.#client.describe({}, new Metadata(), options, (error, response) => {
        if (error) reject(new InferenceError('gone', error.details));
        else resolve(response);
      });
    });
  }

  #openStream(): Promise<InferenceError> {
    return new Promise((resolve) => {
      this.#stream = new FrameStream(this.#client.inferStream(), {
        clock: this.#options.clock,
        onWindow: (window) => {
          this.#window = window;
          this.#options.onWindow();
        },
        onEnd: resolve,
      });
    });
  }

  #disconnected(): Promise<InferenceError> {
    const channel = this.#client.getChannel();
    return new Promise((resolve) => {
      const watch = () => {
        const state = channel.getConnectivityState(false);
        if (state !== connectivityState.READY) resolve(new InferenceError('gone', 'the connection ended'));
        else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, watch);
      };
      watch();
    });
  }
}
