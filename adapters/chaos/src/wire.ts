import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import {
  AdapterServiceService,
  DescribeResponse,
  InferResponse,
  type InferStreamRequest,
  InferStreamResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { type RunningServer, serveUnix, service, unary } from '@opennvr/service';
import type { Place } from './faults.ts';
import { DESCRIPTION, FINE } from './honest.ts';

type Stream = ServerDuplexStream<InferStreamRequest, InferStreamResponse>;

const GIGABYTE = 2 ** 30;
const CHUNK = Buffer.alloc(64 * 1024, '[');
const AWAY_MS = 2000;
/** So that there are calls to be cut off. */
const LOOK_MS = 50;

const fine = () => InferResponse.fromPartial({ outcome: { $case: 'result', value: FINE } });
const description = (fields: Partial<DescribeResponse> = {}) =>
  DescribeResponse.fromPartial({ ...DESCRIPTION, ...fields });

/** Our own gRPC server without the SDK, which would not let these answers out. */
function serveRaw(
  socketPath: string,
  handlers: {
    describe?: () => DescribeResponse;
    infer?: () => InferResponse | Promise<InferResponse>;
    inferStream?: (call: Stream) => void;
  },
): Promise<RunningServer> {
  return serveUnix(socketPath, [
    service('opennvr.inference.v1.AdapterService', AdapterServiceService, {
      describe: unary(handlers.describe ?? (() => description())),
      infer: unary(handlers.infer ?? fine),
      inferStream: handlers.inferStream ?? ((call: Stream) => call.end()),
    }),
  ]);
}

export function sendsGarbage({ socketPath }: Place): void {
  rmSync(socketPath, { force: true });
  createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(randomBytes(64 * 1024));
  }).listen(socketPath);
}

export async function breaksSchema({ socketPath }: Place): Promise<void> {
  await serveRaw(socketPath, {
    infer: () =>
      InferResponse.fromPartial({
        outcome: {
          $case: 'result',
          value: {
            detections: [{ label: 'ghost', confidence: 7, box: { x: -3, y: 0, w: 99, h: Number.NaN } }],
          },
        },
      }),
  });
}

export async function changesFingerprint({ socketPath }: Place): Promise<void> {
  const model = () => ({
    name: 'none',
    version: '1',
    fingerprint: `sha256:${randomBytes(32).toString('hex')}`,
  });
  await serveRaw(socketPath, { describe: () => description({ model: model() }) });
}

/** Stops serving at every tenth frame, with calls running, and comes back on the same path. */
export async function closesUnderLoad({ socketPath }: Place): Promise<void> {
  for (;;) {
    let frames = 0;
    let enough: () => void = () => undefined;
    const tenth = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const server = await serveRaw(socketPath, {
      infer: async () => {
        frames++;
        if (frames === 10) enough();
        await sleep(LOOK_MS);
        return fine();
      },
    });
    await tenth;
    await server.close(0);
    await sleep(AWAY_MS);
  }
}

/** Grants credits and answers frames that nobody sent, as fast as the socket takes them. */
export async function floodsStream({ socketPath }: Place): Promise<void> {
  const credits = InferStreamResponse.fromPartial({ event: { $case: 'credits', value: 2 ** 32 - 1 } });
  const outcome = () =>
    InferStreamResponse.fromPartial({
      event: { $case: 'outcome', value: { correlationId: randomBytes(8).toString('hex'), response: fine() } },
    });
  await serveRaw(socketPath, {
    describe: () => description({ streaming: true }),
    inferStream: (call) => {
      call.on('error', () => undefined);
      call.on('data', () => undefined);
      const pour = () => {
        while (!call.destroyed && call.write(Math.random() < 0.5 ? credits : outcome()));
      };
      call.on('drain', pour);
      pour();
    },
  });
}

/**
 * gRPC by hand, as grpc-js would build the whole message first: a length prefix of a gigabyte (gRPC over HTTP/2,
 * "Length-Prefixed-Message"), then as much of it as the other side takes.
 */
export function sendsGigabyte({ socketPath }: Place): void {
  rmSync(socketPath, { force: true });
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: headers[':path'] !== '/opennvr.inference.v1.AdapterService/Infer' },
    );
    if (headers[':path'] === '/opennvr.inference.v1.AdapterService/Infer') pour(stream);
    else answer(stream, headers[':path'] ?? '');
  });
  server.listen(socketPath);
}

function pour(stream: ServerHttp2Stream): void {
  stream.write(prefixed(GIGABYTE));
  const more = () => {
    while (!stream.destroyed && stream.write(CHUNK));
  };
  stream.on('drain', more);
  more();
}

/** Describe and Health.Check as they should be; a HealthCheckResponse of SERVING is field 1, varint 1. */
function answer(stream: ServerHttp2Stream, path: string): void {
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  const message = path.endsWith('/Describe')
    ? Buffer.from(DescribeResponse.encode(description()).finish())
    : Buffer.from([8, 1]);
  stream.end(Buffer.concat([prefixed(message.length), message]));
}

function prefixed(length: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(length, 1);
  return prefix;
}
