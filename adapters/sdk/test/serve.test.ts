import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import {
  AdapterServiceClient,
  type DescribeResponse,
  InferRequest,
  type InferResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { createLogger, type RunningServer } from '@opennvr/service';
import { afterEach, describe, expect, it } from 'vitest';
import { type Adapter, AdapterError, serveAdapter } from '../src/index.ts';

const log = createLogger('test', { level: 'silent' });
const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const about: Adapter['describe'] = () => ({
  name: 'test',
  version: '1',
  vendor: 'v',
  license: 'MIT',
  model: { name: 'm', version: '1', fingerprint: '' },
  tasks: ['test'],
});

const request = InferRequest.fromPartial({
  correlationId: 'c',
  cameraId: 'front',
  frameUri: 'opennvr://frames/camera_front/frame_1.jpg',
  captureTime: { seconds: 1, nanos: 0 },
  encoding: 1,
  frame: Buffer.from('jpeg'),
  width: 4,
  height: 4,
});

async function start(infer: Adapter['infer'], describe = about) {
  const folder = mkdtempSync(join(tmpdir(), 'sdk-'));
  const socketPath = join(folder, 'a.sock');
  const server: RunningServer = await serveAdapter({ describe, infer }, { socketPath, log });
  const client = new AdapterServiceClient(`unix:${socketPath}`, credentials.createInsecure());
  open.push(() => rmSync(folder, { recursive: true }));
  open.push(() => server.close(100));
  open.push(() => client.close());
  return {
    server,
    describe: () =>
      new Promise<DescribeResponse>((resolve, reject) =>
        client.describe({}, (error, response) => (error ? reject(error) : resolve(response))),
      ),
    infer: (change: Partial<InferRequest> = {}, deadlineMs = 5000) =>
      new Promise<InferResponse>((resolve, reject) =>
        client.infer(
          { ...request, ...change },
          new Metadata(),
          { deadline: Date.now() + deadlineMs },
          (error, response) => (error ? reject(error) : resolve(response)),
        ),
      ),
  };
}

const codeOf = (response: InferResponse) =>
  response.outcome?.$case === 'error' ? response.outcome.value.code : undefined;

describe('an adapter made with the SDK', () => {
  it('describes itself and answers', async () => {
    const box = { x: 0, y: 0, w: 1, h: 0.5 };
    const { describe, infer } = await start(({ cameraId }) => ({
      detections: [{ label: cameraId, confidence: 1, box }],
    }));
    expect((await describe()).name).toBe('test');
    const { outcome } = await infer();
    expect(outcome).toMatchObject({ $case: 'result', value: { detections: [{ label: 'front', box }] } });
  });

  it('does not start when it cannot say who it is', async () => {
    const broken = () => ({ ...about(), name: 'Not A Slug' });
    await expect(start(() => ({}), broken)).rejects.toThrow('name');
  });

  it('turns a result that breaks the schema into an error with the path', async () => {
    const box = { x: 0.5, y: 0, w: 0.6, h: 1 };
    const { infer } = await start(() => ({ detections: [{ label: 'x', confidence: 1, box }] }));
    const { outcome } = await infer();
    expect(outcome).toMatchObject({ $case: 'error', value: { code: 'invalid_result' } });
    expect(outcome?.$case === 'error' && outcome.value.message).toContain('detections[0].box');
  });

  it('refuses a request that breaks the schema before the adapter sees it', async () => {
    let seen = 0;
    const { infer } = await start(() => {
      seen++;
      return {};
    });
    expect(codeOf(await infer({ cameraId: '../x' }))).toBe('invalid_request');
    expect(seen).toBe(0);
  });

  it('survives whatever infer throws', async () => {
    const thrown: unknown[] = [
      new AdapterError('out_of_memory', 'no'),
      new Error('boom'),
      'a string',
      new AdapterError('Bad Code', ''),
    ];
    const { infer } = await start(() => {
      throw thrown.shift();
    });
    const codes: (string | undefined)[] = [];
    while (thrown.length > 0) codes.push(codeOf(await infer()));
    expect(codes).toEqual(['out_of_memory', 'exception', 'exception', 'invalid_error']);
  });

  it('tells infer when nobody waits any more', async () => {
    let aborted: () => void = () => undefined;
    const wasAborted = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const { infer } = await start(async (_, signal) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted();
      return {};
    });
    await expect(infer({}, 100)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await wasAborted;
  });

  it('runs as many calls at once as it said, lets four wait, turns the rest away', async () => {
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const limited = () => ({ ...about(), limits: { maxInFlight: 2 } });
    const { infer } = await start(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => release.push(resolve));
      running--;
      return {};
    }, limited);
    const answers = Array.from({ length: 8 }, () => infer());
    const turnedAway = await Promise.race(answers);
    expect(codeOf(turnedAway)).toBe('overloaded');
    const timer = setInterval(() => release.shift()?.(), 5);
    const codes = (await Promise.all(answers)).map(codeOf);
    clearInterval(timer);
    expect(most).toBe(2);
    expect(codes.filter((code) => code === 'overloaded')).toHaveLength(2);
  });

  it('lets a running call finish when it is stopped', async () => {
    let started: () => void = () => undefined;
    const hasStarted = new Promise<void>((resolve) => {
      started = resolve;
    });
    let finish: () => void = () => undefined;
    const { infer, server } = await start(async () => {
      started();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return { text: 'done' };
    });
    const answer = infer();
    await hasStarted;
    const closed = server.close(5000);
    finish();
    expect((await answer).outcome).toMatchObject({ $case: 'result', value: { text: 'done' } });
    await closed;
  });
});
