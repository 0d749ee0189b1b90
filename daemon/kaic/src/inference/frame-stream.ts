import { type ServiceError, status } from '@grpc/grpc-js';
import type {
  InferRequest,
  InferResult,
  InferStreamRequest,
  InferStreamResponse,
  StreamOutcome,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { inferStreamResponseProblem } from '@opennvr/proto/validate/inference';
import type { Clock } from '@opennvr/service';
import { asInferenceError, resultOf } from './answer.ts';
import { InferenceError } from './failure.ts';

/** Credits, and frames without an outcome, together: what the contract allows an adapter to ask for. */
const MAX_WINDOW = 256;
/** Bytes of frames without an outcome, also of those nobody waits for: an adapter that does not read fills memory. */
const MAX_OPEN_BYTES = 64 * 1024 * 1024;
/** How long an adapter may leave us without credit and without anything to wait for. */
const SILENCE_MS = 10_000;

/** The part of a gRPC duplex call that is used here. */
export interface StreamCall {
  write(message: InferStreamRequest): unknown;
  cancel(): void;
  on(event: 'data', listener: (message: InferStreamResponse) => void): unknown;
  on(event: 'error', listener: (error: ServiceError) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
}

export interface FrameStreamOptions {
  clock: Clock;
  /** How many frames the adapter can have at a time has changed: credits, and frames whose answer is waited for. */
  onWindow(window: number): void;
  /** Once, after all that waited have been told. */
  onEnd(why: InferenceError): void;
}

interface Open {
  bytes: number;
  /** Undefined once nobody waits for the outcome any more. */
  waiting:
    | { resolve(result: InferResult): void; reject(error: InferenceError): void; stop(): void }
    | undefined;
}

/**
 * One InferStream from kaic's side. Sends a frame only against a credit; an adapter that floods, answers what was not
 * asked, never answers or never grants anything ends the stream, and memory is bounded until then.
 */
export class FrameStream {
  readonly #call: StreamCall;
  readonly #options: FrameStreamOptions;
  readonly #open = new Map<string, Open>();
  #credits = 0;
  #openBytes = 0;
  #ended = false;
  #stopSilence: () => void = () => undefined;

  constructor(call: StreamCall, options: FrameStreamOptions) {
    this.#call = call;
    this.#options = options;
    call.on('data', (message) => this.#onMessage(message));
    call.on('error', (error) => this.#end(endOf(error)));
    call.on('end', () => this.#end(new InferenceError('gone', 'the adapter ended the stream')));
    this.#changed();
  }

  /** @throws InferenceError */
  infer(request: InferRequest, deadlineMs: number): Promise<InferResult> {
    const { correlationId, frame } = request;
    if (this.#ended) return Promise.reject(new InferenceError('gone', 'the stream has ended'));
    if (this.#credits === 0) return Promise.reject(new InferenceError('cancelled', 'no credit is left'));
    this.#credits--;
    this.#openBytes += frame.length;
    return new Promise((resolve, reject) => {
      const stop = this.#options.clock.after(deadlineMs, () => this.#late(correlationId, deadlineMs));
      this.#open.set(correlationId, { bytes: frame.length, waiting: { resolve, reject, stop } });
      const deadline = {
        seconds: Math.floor(deadlineMs / 1000),
        nanos: Math.round((deadlineMs % 1000) * 1e6),
      };
      this.#call.write({ event: { $case: 'frame', value: { request, deadline } } });
      this.#changed();
    });
  }

  close(): void {
    this.#end(new InferenceError('cancelled', 'cancelled'));
  }

  #onMessage(message: InferStreamResponse): void {
    if (this.#ended) return;
    const { event } = message;
    if (event?.$case === 'outcome' && this.#open.has(event.value.correlationId)) {
      this.#onOutcome(event.value);
    } else {
      const problem = inferStreamResponseProblem(message) ?? this.#beyondSchema(event);
      if (problem !== undefined) this.#end(new InferenceError('contract', `stream: ${problem}`));
      else if (event?.$case === 'credits') this.#credits += event.value;
    }
    this.#changed();
  }

  #beyondSchema(event: InferStreamResponse['event']): string | undefined {
    if (event?.$case === 'outcome') return 'outcome.correlation_id: no such frame is open';
    const window = this.#credits + this.#open.size + (event?.value ?? 0);
    return window > MAX_WINDOW
      ? `credits: ${window} credits and open frames, more than ${MAX_WINDOW}`
      : undefined;
  }

  /** An outcome that breaks the contract costs its own frame; the driver decides what follows from it. */
  #onOutcome({ correlationId, response }: StreamOutcome): void {
    const open = this.#open.get(correlationId);
    this.#open.delete(correlationId);
    this.#openBytes -= open?.bytes ?? 0;
    open?.waiting?.stop();
    try {
      const result = resultOf(response ?? { outcome: undefined });
      open?.waiting?.resolve(result);
    } catch (error) {
      open?.waiting?.reject(error as InferenceError);
    }
  }

  #late(correlationId: string, deadlineMs: number): void {
    const open = this.#open.get(correlationId);
    if (!open?.waiting) return;
    const { reject } = open.waiting;
    open.waiting = undefined;
    reject(new InferenceError('timeout', `no answer within ${deadlineMs} ms`));
    this.#call.write({ event: { $case: 'cancel', value: { correlationId } } });
    if (this.#openBytes > MAX_OPEN_BYTES) {
      this.#end(new InferenceError('contract', `stream: ${this.#openBytes} bytes of frames have no outcome`));
    } else this.#changed();
  }

  #changed(): void {
    if (this.#ended) return;
    let waited = 0;
    for (const { waiting } of this.#open.values()) if (waiting) waited++;
    const window = this.#credits + waited;
    this.#stopSilence();
    if (window === 0) this.#stopSilence = this.#options.clock.after(SILENCE_MS, () => this.#silent());
    this.#options.onWindow(window);
  }

  #silent(): void {
    this.#end(new InferenceError('contract', `stream: no credit within ${SILENCE_MS} ms`));
  }

  #end(why: InferenceError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopSilence();
    this.#options.onWindow(0);
    for (const { waiting } of this.#open.values()) {
      waiting?.stop();
      waiting?.reject(why);
    }
    this.#open.clear();
    this.#call.cancel();
    this.#options.onEnd(why);
  }
}

/** A stream has no deadline of its own: one that says so has none of the contract's reasons. */
function endOf(error: ServiceError): InferenceError {
  const cause = asInferenceError(error, 0);
  return error.code === status.CANCELLED || error.code === status.DEADLINE_EXCEEDED
    ? new InferenceError('gone', 'the adapter ended the stream')
    : cause;
}
