/**
 * `timeout`: no answer in time. `gone`: no adapter there. `contract`: an answer that breaks it. `adapter`: its own
 * error. `cancelled`: nobody waits any more, or the request was none.
 */
export type InferFailure = 'timeout' | 'gone' | 'contract' | 'adapter' | 'cancelled';

/** Why there is no result. */
export class InferenceError extends Error {
  override name = 'InferenceError';
  readonly reason: InferFailure;
  /** The adapter asks for a pause so long; 0 when it does not. */
  readonly retryAfterMs: number;

  constructor(reason: InferFailure, message: string, retryAfterMs = 0) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}
