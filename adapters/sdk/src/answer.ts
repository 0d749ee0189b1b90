import {
  type DescribeResponse,
  ErrorCategory,
  type InferRequest,
  InferResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { inferRequestProblem, inferResponseProblem } from '@opennvr/proto/validate/inference';
import type { Logger } from '@opennvr/service';
import { type Adapter, AdapterError, type Result } from './adapter.ts';
import { readGrantedFrame } from './frames.ts';
import { Gate } from './gate.ts';

/** Calls that may wait behind the running ones; kaic keeps its own queue, so more would only grow stale. */
const WAITING = 4;

export interface AnswerOptions {
  log: Logger;
  /** The adapter's view of the frame store, for frames delivered by URI. */
  framesDir?: string | undefined;
}

/** Answers one request; `signal` is aborted when nobody waits for it any more. Never rejects. */
export type Answer = (request: InferRequest, signal: AbortSignal) => Promise<InferResponse>;

/** How every request of an adapter is answered, whichever way it came: held to the schemas, so many at a time. */
export function answering(adapter: Adapter, { limits }: DescribeResponse, options: AnswerOptions): Answer {
  const gate = new Gate(Math.max(1, limits?.maxInFlight ?? 1), WAITING);
  return async (request, signal) => {
    const refused = inferRequestProblem(request);
    if (refused !== undefined) {
      return failure(new AdapterError('invalid_request', refused, { category: NOT_SUPPORTED }));
    }
    try {
      const done = await gate.run(signal, async () => adapter.infer(withFrame(request, options), signal));
      return done ? success(done.value) : failure(overloaded());
    } catch (error) {
      if (!(error instanceof AdapterError)) options.log.error({ err: error }, 'infer failed');
      return failure(error);
    }
  };
}

const NOT_SUPPORTED = ErrorCategory.ERROR_CATEGORY_NOT_SUPPORTED;

function withFrame(request: InferRequest, { framesDir }: AnswerOptions): InferRequest {
  if (request.frame.length > 0) return request;
  return { ...request, frame: readGrantedFrame(request.frameUri, framesDir) };
}

function overloaded(): AdapterError {
  const category = ErrorCategory.ERROR_CATEGORY_OVERLOADED;
  return new AdapterError('overloaded', 'too many calls at once', { category, transient: true });
}

function success(result: Result): InferResponse {
  const response = InferResponse.fromPartial({ outcome: { $case: 'result', value: result } });
  const problem = inferResponseProblem(response);
  return problem === undefined ? response : failure(new AdapterError('invalid_result', problem));
}

function failure(error: unknown): InferResponse {
  const known =
    error instanceof AdapterError
      ? error
      : new AdapterError('exception', error instanceof Error ? error.message : String(error));
  const { category, code, message, transient, retryAfterMs } = known;
  const response = InferResponse.fromPartial({
    outcome: {
      $case: 'error',
      value: { category, code, message: message.slice(0, 4096), transient, retryAfterMs },
    },
  });
  const problem = inferResponseProblem(response);
  if (problem === undefined) return response;
  return failure(new AdapterError('invalid_error', problem));
}
