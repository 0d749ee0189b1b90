import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import {
  type GetFrameRequest,
  type GetFrameResponse,
  KaicServiceClient,
  KaicServiceService,
} from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  dialUnix,
  invalidArgument,
  type RunningServer,
  serveUnix,
  service,
  statusError,
  unary,
} from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'opennvr-grpc-'));
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Handler = (request: GetFrameRequest) => Promise<GetFrameResponse> | GetFrameResponse;

async function serve(handler: Handler, path = join(folder, `${Math.random()}.sock`)) {
  const unused: grpc.UntypedHandleCall = (_: unknown, done: (error: object) => void) =>
    done({ code: grpc.status.UNIMPLEMENTED });
  const implementation = Object.fromEntries(Object.keys(KaicServiceService).map((name) => [name, unused]));
  const server: RunningServer = await serveUnix(path, [
    service('opennvr.kaic.v1.KaicService', KaicServiceService, {
      ...implementation,
      getFrame: unary(handler),
    }),
  ]);
  open.push({ close: () => server.close(100) });
  const client = dialUnix(KaicServiceClient, path);
  open.push(client);
  const get = (uri: string) =>
    new Promise<GetFrameResponse>((resolve, reject) => {
      client.getFrame({ uri }, (error, response) => (error ? reject(error) : resolve(response)));
    });
  return { path, server, get };
}

const frame = (data: Buffer): GetFrameResponse => ({ data, encoding: 1 });

/** Asks grpc.health.v1 as any client in any language would. */
function health(path: string, name: string): Promise<number> {
  const client = new grpc.Client(`unix:${path}`, grpc.credentials.createInsecure());
  open.push(client);
  const request = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => bytes[1] ?? 0,
      request,
      (error, status) => (error ? reject(error) : resolve(status ?? 0)),
    );
  });
}

describe('a server on a unix socket', () => {
  it('answers, and is for its owner and group', async () => {
    const { path, get } = await serve(({ uri }) => frame(Buffer.from(uri)));
    expect(String((await get('opennvr://x')).data)).toBe('opennvr://x');
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  it('carries a frame of 16 MiB', async () => {
    const { get } = await serve(() => frame(Buffer.alloc(16 * 1024 * 1024, 7)));
    expect((await get('')).data).toHaveLength(16 * 1024 * 1024);
  });

  it('tells its health, as a whole and by service', async () => {
    const { path, server } = await serve(() => frame(Buffer.alloc(0)));
    expect(await health(path, '')).toBe(1);
    expect(await health(path, 'opennvr.kaic.v1.KaicService')).toBe(1);
    server.health.setStatus('opennvr.kaic.v1.KaicService', 'NOT_SERVING');
    expect(await health(path, 'opennvr.kaic.v1.KaicService')).toBe(2);
    await expect(health(path, 'nobody')).rejects.toMatchObject({ code: grpc.status.NOT_FOUND });
  });

  it.each([
    [
      'names the field of bad input',
      () => invalidArgument('uri', 'is empty'),
      grpc.status.INVALID_ARGUMENT,
      'uri: is empty',
    ],
    ['keeps a status', () => statusError(grpc.status.NOT_FOUND, 'gone'), grpc.status.NOT_FOUND, 'gone'],
    ['makes the rest INTERNAL', () => new Error('oops'), grpc.status.INTERNAL, 'oops'],
  ])('%s', async (_, error, code, details) => {
    const { get } = await serve(() => {
      throw error();
    });
    await expect(get('x')).rejects.toMatchObject({ code, details });
  });

  it('is found again by its clients after a restart', async () => {
    const { path, server, get } = await serve(() => frame(Buffer.from('first')));
    await get('x');
    await server.close(100);
    await expect(get('x')).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    await serve(() => frame(Buffer.from('second')), path);
    const end = Date.now() + 20_000;
    let answer = '';
    while (answer !== 'second' && Date.now() < end) {
      answer = await get('x').then(
        ({ data }) => String(data),
        () => '',
      );
    }
    expect(answer).toBe('second');
  });

  it('does not wait for ever for a call that hangs', async () => {
    const { server, get } = await serve(() => new Promise(() => undefined));
    const hanging = get('x').catch((error: grpc.ServiceError) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await server.close(100);
    expect(await hanging).toBeTypeOf('number');
  });
});
