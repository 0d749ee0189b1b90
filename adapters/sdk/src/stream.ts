import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type {
  InferRequest,
  InferStreamRequest,
  InferStreamResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { inferStreamRequestProblem } from '@opennvr/proto/validate/inference';
import { invalidArgument, statusError } from '@opennvr/service';
import type { Answer } from './answer.ts';

type Call = ServerDuplexStream<InferStreamRequest, InferStreamResponse>;

/** One InferStream from the adapter's side: grants as many credits as it takes frames at a time, and keeps to it. */
export class StreamSession {
  readonly #call: Call;
  readonly #answer: Answer;
  readonly #running = new Map<string, AbortController>();
  #granted = 0;
  #finishing = false;

  /** @param credits frames that the other end may have sent without an outcome */
  constructor(call: Call, answer: Answer, credits: number) {
    this.#call = call;
    this.#answer = answer;
    call.on('data', (message: InferStreamRequest) => this.#onMessage(message));
    call.once('end', () => this.finish());
    call.once('cancelled', () => this.#abort('the caller has gone'));
    call.on('error', () => this.#abort('the stream has failed'));
    this.#grant(credits);
  }

  /** Grants nothing more and ends the stream when what runs has its outcome. */
  finish(): void {
    this.#finishing = true;
    if (this.#running.size === 0) this.#call.end();
  }

  #onMessage({ event }: InferStreamRequest): void {
    const refused = this.#problemWith({ event });
    if (refused) this.#refuse(refused);
    else if (event?.$case === 'cancel') {
      this.#running.get(event.value.correlationId)?.abort(new Error('nobody waits for the answer any more'));
    } else if (event?.value.request && event.value.deadline) {
      const { seconds, nanos } = event.value.deadline;
      this.#granted--;
      void this.#run(event.value.request, seconds * 1000 + nanos / 1e6);
    }
  }

  #problemWith(message: InferStreamRequest): Error | undefined {
    const problem = inferStreamRequestProblem(message);
    if (problem !== undefined) return statusError(status.INVALID_ARGUMENT, problem);
    if (message.event?.$case !== 'frame') return undefined;
    if (this.#granted === 0) return statusError(status.RESOURCE_EXHAUSTED, 'no credit is left');
    return this.#running.has(message.event.value.request?.correlationId ?? '')
      ? invalidArgument('frame.request.correlation_id', 'is in use')
      : undefined;
  }

  async #run(request: InferRequest, deadlineMs: number): Promise<void> {
    const { correlationId } = request;
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(new Error('the deadline has passed')), deadlineMs);
    this.#running.set(correlationId, gone);
    const response = await this.#answer(request, gone.signal);
    clearTimeout(timer);
    this.#running.delete(correlationId);
    if (this.#call.cancelled || this.#call.destroyed) return;
    this.#call.write({ event: { $case: 'outcome', value: { correlationId, response } } });
    if (!this.#finishing) this.#grant(1);
    else if (this.#running.size === 0) this.#call.end();
  }

  #grant(credits: number): void {
    this.#granted += credits;
    this.#call.write({ event: { $case: 'credits', value: credits } });
  }

  #refuse(error: Error): void {
    this.#abort(error.message);
    // As grpc-js wants it: 'error' sends the status and ends the call.
    this.#call.emit('error', error);
  }

  #abort(why: string): void {
    this.#finishing = true;
    for (const controller of this.#running.values()) controller.abort(new Error(why));
  }
}
