import * as grpc from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { clearSocketPath, restrictSocket } from './unix-socket.ts';

/** Frames up to 16 MiB travel inline; some room for the envelope. */
export const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;

const OPTIONS: grpc.ChannelOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
};

export interface ServiceEntry {
  definition: grpc.ServiceDefinition;
  implementation: grpc.UntypedServiceImplementation;
  /** Full name for grpc.health.v1, for example `opennvr.kaic.v1.KaicService`. */
  name: string;
}

export interface RunningServer {
  health: HealthImplementation;
  /** Tells health watchers NOT_SERVING, then waits up to `graceMs` for calls to end. */
  close(graceMs?: number): Promise<void>;
}

/** Pairs a ts-proto service with its implementation. */
export function service<T extends grpc.ServiceDefinition>(
  name: string,
  definition: T,
  implementation: grpc.UntypedServiceImplementation,
): ServiceEntry {
  return { name, definition, implementation };
}

/**
 * Serves gRPC with grpc.health.v1 on a unix socket: stale socket cleared, bound, mode 0660.
 *
 * @throws SocketPathError when the path is not free.
 */
export async function serveUnix(socketPath: string, services: ServiceEntry[]): Promise<RunningServer> {
  await clearSocketPath(socketPath);
  const server = new grpc.Server(OPTIONS);
  const health = new HealthImplementation({ '': 'SERVING' });
  for (const entry of services) {
    server.addService(entry.definition, entry.implementation);
    health.setStatus(entry.name, 'SERVING');
  }
  health.addToServer(server);
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, grpc.ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  restrictSocket(socketPath);
  return {
    health,
    async close(graceMs = 1000) {
      for (const entry of services) health.setStatus(entry.name, 'NOT_SERVING');
      await new Promise<void>((resolve) => {
        const force = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, graceMs);
        server.tryShutdown(() => {
          clearTimeout(force);
          resolve();
        });
      });
    },
  };
}

/** Options for a client of a local unix-socket server; it reconnects within a second of a restart. */
export const unixClientOptions: grpc.ClientOptions = {
  ...OPTIONS,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  // The authority would otherwise be the percent-encoded path, which some servers refuse.
  'grpc.default_authority': 'localhost',
};

/** Makes a ts-proto client for a unix socket: `dialUnix(KaicServiceClient, '/run/opennvr/kaic/kaic.sock')`. */
export function dialUnix<C>(
  Client: new (address: string, credentials: grpc.ChannelCredentials, options?: grpc.ClientOptions) => C,
  socketPath: string,
  options: grpc.ClientOptions = {},
): C {
  return new Client(`unix:${socketPath}`, grpc.credentials.createInsecure(), {
    ...unixClientOptions,
    ...options,
  });
}

/** An INVALID_ARGUMENT that names the field, as every server of ours answers bad input. */
export function invalidArgument(field: string, problem: string): grpc.ServiceError {
  return statusError(grpc.status.INVALID_ARGUMENT, `${field}: ${problem}`);
}

/** An error that grpc-js turns into this status. */
export function statusError(code: grpc.status, details: string): grpc.ServiceError {
  return Object.assign(new Error(details), {
    code,
    details,
    metadata: new grpc.Metadata(),
    name: 'StatusError',
  });
}

/** Wraps an async function as a unary handler; a thrown ServiceError keeps its code, anything else is INTERNAL. */
export function unary<Req, Res>(
  handler: (request: Req, call: grpc.ServerUnaryCall<Req, Res>) => Promise<Res> | Res,
): grpc.handleUnaryCall<Req, Res> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handler(call.request, call))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(asServiceError(error)),
      );
  };
}

export function asServiceError(error: unknown): grpc.ServiceError {
  if (error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error) {
    return error as grpc.ServiceError;
  }
  return statusError(grpc.status.INTERNAL, error instanceof Error ? error.message : String(error));
}
