import { type ServiceError, status } from '@grpc/grpc-js';
import type { InferResponse, InferResult } from '@opennvr/proto/opennvr/inference/v1/inference';
import { inferResponseProblem } from '@opennvr/proto/validate/inference';
import { InferenceError } from './failure.ts';

/** An answer is a list of boxes, not a picture; 4 MiB of empty ones took 600 ms and 190 MB to read. */
export const MAX_ANSWER_BYTES = 256 * 1024;

/** The result in an answer that keeps the contract. @throws InferenceError */
export function resultOf(response: InferResponse): InferResult {
  const problem = inferResponseProblem(response);
  if (problem !== undefined) throw new InferenceError('contract', `answer: ${problem}`);
  if (response.outcome?.$case === 'result') return response.outcome.value;
  const { code, message, retryAfterMs } = response.outcome?.value ?? {
    code: '',
    message: '',
    retryAfterMs: 0,
  };
  throw new InferenceError('adapter', `${code}: ${message}`, retryAfterMs);
}

/** What a failed call says about the adapter. */
export function asInferenceError({ code, details }: ServiceError, deadlineMs: number): InferenceError {
  switch (code) {
    case status.DEADLINE_EXCEEDED:
      return new InferenceError('timeout', `no answer within ${deadlineMs} ms`);
    case status.CANCELLED:
      return new InferenceError('cancelled', 'cancelled');
    case status.UNAVAILABLE:
      return new InferenceError('gone', details);
    case status.RESOURCE_EXHAUSTED:
      return new InferenceError('contract', `answer larger than ${MAX_ANSWER_BYTES} bytes, or ${details}`);
    case status.UNIMPLEMENTED:
      return new InferenceError('contract', `not served: ${details}`);
    default:
      return new InferenceError('adapter', `${status[code] ?? code}: ${details}`);
  }
}
