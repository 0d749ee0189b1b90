import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { status as grpcStatus, Metadata } from '@grpc/grpc-js';
import { type GetFrameResponse, KaicServiceClient } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { dialUnix } from '@opennvr/service';
import { runningDemoSocket } from './demo/run-directory.ts';
import { CliError, EXIT } from './exit.ts';
import { call, isServiceError } from './rpc.ts';

export const FRAMES_USAGE = `usage: opennvr frames get opennvr://frames/camera_<id>/latest.jpg -o FILE [--kaic SOCKET]

  -o, --output FILE   where the frame goes
  --kaic SOCKET       kaic's socket; without it: the running demo's, or the appliance's`;

const APPLIANCE_SOCKET = '/run/opennvr/kaic/kaic.sock';
const DEADLINE_MS = 15_000;

/** `opennvr frames get URI -o FILE`: reads one frame from kaic. @throws CliError with the status to end with. */
export async function framesCommand(args: string[]): Promise<string> {
  const { uri, output, socket } = parseFramesArguments(args);
  const client = dialUnix(KaicServiceClient, socket);
  try {
    const deadline = Date.now() + DEADLINE_MS;
    const frame = await call<GetFrameResponse>((done) =>
      client.getFrame({ uri }, new Metadata(), { deadline }, done),
    );
    writeFileSync(output, frame.data);
    return `${output}: ${frame.data.length} bytes`;
  } catch (error) {
    throw explain(error, uri, socket);
  } finally {
    client.close();
  }
}

function parseFramesArguments(args: string[]): { uri: string; output: string; socket: string } {
  const usage = (problem: string) => new CliError(EXIT.usage, `${problem}\n\n${FRAMES_USAGE}`);
  let parsed: { values: { output?: string; kaic?: string }; positionals: string[] };
  try {
    parsed = parseArgs({
      args,
      allowPositionals: true,
      options: { output: { type: 'string', short: 'o' }, kaic: { type: 'string' } },
    });
  } catch (error) {
    throw usage((error as Error).message);
  }
  const [verb, uri, ...rest] = parsed.positionals;
  if (verb !== 'get') throw usage(`frames: expected "get", not "${verb ?? ''}"`);
  if (uri === undefined || rest.length > 0) throw usage('frames get: expected one opennvr:// URI');
  if (parsed.values.output === undefined) throw usage('frames get: -o FILE is missing');
  const socket = parsed.values.kaic ?? runningDemoSocket() ?? APPLIANCE_SOCKET;
  return { uri, output: parsed.values.output, socket };
}

function explain(error: unknown, uri: string, socket: string): Error {
  if (!isServiceError(error)) return error instanceof Error ? error : new Error(String(error));
  const { code, details } = error;
  if (code === grpcStatus.NOT_FOUND) return new CliError(EXIT.notFound, `${uri}: ${details}`);
  if (code === grpcStatus.INVALID_ARGUMENT) return new CliError(EXIT.usage, `${uri}: ${details}`);
  if (!existsSync(socket)) {
    const where = socket === APPLIANCE_SOCKET ? 'neither a demo of yours nor the appliance' : 'nothing';
    return new CliError(EXIT.unavailable, `${where} is running here: there is no ${socket}`);
  }
  return new CliError(EXIT.unavailable, `kaic at ${socket} did not answer: ${details}`);
}
