import * as grpc from '@grpc/grpc-js';
import { service } from 'grpc-health-check';

export type Health = 'UNKNOWN' | 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';

/**
 * Asks a server how it is: grpc.health.v1 `Check`.
 *
 * @param name service to ask about; '' means the server as a whole.
 * @throws grpc.ServiceError, UNIMPLEMENTED when it does not serve grpc.health.v1.
 */
export function checkHealth(
  client: grpc.Client,
  options: { deadlineMs: number; waitForReady?: boolean; name?: string },
): Promise<Health> {
  const { path, requestSerialize, responseDeserialize } = service.Check as grpc.MethodDefinition<
    { service: string },
    { status: Health }
  >;
  const metadata = new grpc.Metadata({ waitForReady: options.waitForReady ?? false });
  const deadline = Date.now() + options.deadlineMs;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      { service: options.name ?? '' },
      metadata,
      { deadline },
      (error, response) => (error ? reject(error) : resolve(response?.status ?? 'UNKNOWN')),
    );
  });
}
