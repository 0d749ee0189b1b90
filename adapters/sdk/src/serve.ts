import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import {
  AdapterServiceService,
  DescribeResponse,
  type InferRequest,
  type InferResponse,
  type InferStreamRequest,
  type InferStreamResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { describeProblem } from '@opennvr/proto/validate/inference';
import { type RunningServer, serveUnix, service, statusError, unary } from '@opennvr/service';
import type { Adapter } from './adapter.ts';
import { type AnswerOptions, answering } from './answer.ts';
import { StreamSession } from './stream.ts';

export interface ServeOptions extends AnswerOptions {
  socketPath: string;
}

/** kaic needs one, and another while it reconnects. */
const MAX_STREAMS = 4;

/**
 * Serves an adapter with grpc.health.v1 on a unix socket, by `Infer` and by `InferStream`. Requests and answers are
 * held to the published schemas; whatever `infer` throws becomes an error answer, never a crash.
 *
 * @throws Error when `describe()` breaks the schema: an adapter that cannot say who it is does not start.
 */
export async function serveAdapter(
  adapter: Adapter,
  { socketPath, ...options }: ServeOptions,
): Promise<RunningServer> {
  const description = DescribeResponse.fromPartial(adapter.describe());
  const problem = describeProblem(description);
  if (problem !== undefined) throw new Error(`describe(): ${problem}`);
  const answer = answering(adapter, description, options);
  const credits = Math.max(1, description.limits?.maxInFlight ?? 1);
  const streams = new Set<StreamSession>();

  const server = await serveUnix(socketPath, [
    service('opennvr.inference.v1.AdapterService', AdapterServiceService, {
      describe: unary(() => description),
      infer: unary<InferRequest, InferResponse>((request, call) => {
        const gone = new AbortController();
        call.once('cancelled', () => gone.abort(new Error('the caller has gone or its deadline has passed')));
        return answer(request, gone.signal);
      }),
      inferStream(call: ServerDuplexStream<InferStreamRequest, InferStreamResponse>) {
        if (streams.size >= MAX_STREAMS) {
          call.emit('error', statusError(status.RESOURCE_EXHAUSTED, `${MAX_STREAMS} streams are open`));
          return;
        }
        const session = new StreamSession(call, answer, credits);
        streams.add(session);
        for (const end of ['close', 'cancelled', 'error', 'end'] as const)
          call.once(end, () => streams.delete(session));
      },
    }),
  ]);
  return {
    health: server.health,
    close(graceMs) {
      for (const stream of streams) stream.finish();
      return server.close(graceMs);
    },
  };
}
