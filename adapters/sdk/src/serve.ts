import {
  AdapterServiceService,
  DescribeResponse,
  ErrorCategory,
  type InferRequest,
  InferResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import {
  describeProblem,
  inferRequestProblem,
  inferResponseProblem,
} from '@opennvr/proto/validate/inference';
import { type Logger, type RunningServer, serveUnix, service, unary } from '@opennvr/service';
import { type Adapter, AdapterError, type Result } from './adapter.ts';
import { Gate } from './gate.ts';

export interface ServeOptions {
  socketPath: string;
  log: Logger;
}

/** Calls that may wait behind the running ones; kaic keeps its own queue, so more would only grow stale. */
const WAITING = 4;

/**
 * Serves an adapter with grpc.health.v1 on a unix socket. Requests and answers are held to the published schemas;
 * whatever `infer` throws becomes an error answer, never a crash.
 *
 * @throws Error when `describe()` breaks the schema: an adapter that cannot say who it is does not start.
 */
export async function serveAdapter(
  adapter: Adapter,
  { socketPath, log }: ServeOptions,
): Promise<RunningServer> {
  const description = DescribeResponse.fromPartial(adapter.describe());
  const problem = describeProblem(description);
  if (problem !== undefined) throw new Error(`describe(): ${problem}`);
  const gate = new Gate(Math.max(1, description.limits?.maxInFlight ?? 1), WAITING);

  return serveUnix(socketPath, [
    service('opennvr.inference.v1.AdapterService', AdapterServiceService, {
      describe: unary(() => description),
      infer: unary<InferRequest, InferResponse>(async (request, call) => {
        const refused = inferRequestProblem(request);
        if (refused !== undefined) {
          return failure(new AdapterError('invalid_request', refused, { category: NOT_SUPPORTED }));
        }
        const gone = new AbortController();
        call.once('cancelled', () => gone.abort(new Error('the caller has gone or its deadline has passed')));
        try {
          const done = await gate.run(gone.signal, async () => adapter.infer(request, gone.signal));
          return done ? success(done.value) : failure(overloaded());
        } catch (error) {
          if (!(error instanceof AdapterError)) log.error({ err: error }, 'infer failed');
          return failure(error);
        }
      }),
    }),
  ]);
}

const NOT_SUPPORTED = ErrorCategory.ERROR_CATEGORY_NOT_SUPPORTED;

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
