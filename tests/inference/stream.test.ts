import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { AdapterError } from '@opennvr/adapter-sdk';
import {
  AdapterServiceService,
  DescribeResponse,
  type InferStreamRequest,
  InferStreamResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { describe, expect, it, vi } from 'vitest';
import { adapter, closers, connected, engineFor, feed, frame, socketPath } from './support.ts';

type Call = ServerDuplexStream<InferStreamRequest, InferStreamResponse>;
const credits = (value: number) => InferStreamResponse.fromPartial({ event: { $case: 'credits', value } });
const outcome = (correlationId: string) =>
  InferStreamResponse.fromPartial({
    event: {
      $case: 'outcome',
      value: { correlationId, response: { outcome: { $case: 'result', value: { text: 'x' } } } },
    },
  });
const idOf = ({ event }: InferStreamRequest) =>
  event?.$case === 'frame' ? (event.value.request?.correlationId ?? '') : '';

/** An adapter that streams as it likes; returns its socket and how many streams it was asked for. */
async function rogue(onStream: (call: Call) => void) {
  const path = socketPath();
  const server = new Server();
  let streams = 0;
  const description = DescribeResponse.fromPartial({
    ...{ name: 'rogue', version: '1', vendor: 'v', license: 'l', tasks: ['t'], streaming: true },
    model: { name: 'm', version: '1', fingerprint: '' },
    limits: { maxInFlight: 64 },
  });
  server.addService(AdapterServiceService, {
    describe: (_: unknown, callback: (error: null, value: object) => void) => callback(null, description),
    infer: (_: unknown, callback: (error: null, value: object) => void) => callback(null, {}),
    inferStream: (call: Call) => {
      streams++;
      call.on('error', () => undefined);
      call.on('cancelled', () => call.end());
      onStream(call);
    },
  });
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    ),
  );
  closers.push(() => server.forceShutdown());
  return { path, streams: () => streams };
}

describe('frames over one stream', () => {
  it('are answered as one by one, never more at a time than the adapter takes', async () => {
    let running = 0;
    let most = 0;
    const { path } = await adapter(
      async ({ frame: bytes }) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        return { text: bytes.toString() };
      },
      undefined,
      { streaming: true, limits: { maxInFlight: 3 } },
    );
    const cameras = ['a', 'b', 'c', 'd', 'e'];
    const { engine, detections, status } = engineFor({ fake: path }, { cameras, deadlineMs: 5000 });
    await connected(() => status('fake'));
    expect(status('fake')).toMatchObject({ streaming: true });
    await feed(engine, () => expect(detections.length).toBeGreaterThan(50), cameras);
    expect(detections[0]).toMatchObject({ adapter: 'fake', result: { text: 'jpeg' } });
    expect(most).toBe(3);
    expect(status('fake')).toMatchObject({ errors: 0, timeouts: 0, breaker: 'closed' });
  });

  it('carry errors, deadlines and cancellation', async () => {
    let aborted = 0;
    let mode: 'error' | 'hang' = 'error';
    const { path } = await adapter(
      (_, signal) => {
        if (mode === 'error') throw new AdapterError('out_of_memory', 'no');
        return new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            aborted++;
            resolve({});
          }),
        );
      },
      undefined,
      { streaming: true },
    );
    const { engine, status } = engineFor({ fake: path }, { deadlineMs: 100 });
    await feed(engine, () => expect(status('fake').detail).toContain('out_of_memory'));
    mode = 'hang';
    await feed(engine, () => expect(status('fake').timeouts).toBeGreaterThan(0));
    await vi.waitFor(() => expect(aborted).toBeGreaterThan(0), { timeout: 5000 });
  });

  it('go on when the adapter was restarted', async () => {
    const path = socketPath();
    const first = await adapter(() => ({}), path, { streaming: true });
    const { engine, status } = engineFor({ fake: path });
    await feed(engine, () => expect(status('fake').results).toBeGreaterThan(0));
    await first.server.close(0);
    await vi.waitFor(() => expect(status('fake').connected).toBe(false), { timeout: 10_000 });
    await adapter(() => ({}), path, { streaming: true });
    const before = status('fake').results;
    await feed(engine, () => expect(status('fake').results).toBeGreaterThan(before));
  });

  it.each<[string, string, (call: Call) => void]>([
    [
      'floods credits',
      'credits',
      (call) => {
        for (let n = 0; n < 1000; n++) call.write(credits(256));
      },
    ],
    ['grants too many credits at once', 'credits', (call) => call.write(credits(4_000_000_000))],
    ['grants no credit by name', 'credits', (call) => call.write(credits(0))],
    [
      'floods outcomes nobody asked for',
      'no such frame is open',
      (call) => {
        for (let n = 0; n < 1000; n++) call.write(outcome(`x${n}`));
      },
    ],
    [
      'answers a frame twice',
      'no such frame is open',
      (call) => {
        call.write(credits(8));
        call.on('data', (message: InferStreamRequest) => {
          call.write(outcome(idOf(message)));
          call.write(outcome(idOf(message)));
        });
      },
    ],
    [
      'sends an event that is none',
      'neither credits nor outcome',
      (call) => call.write({ event: undefined }),
    ],
  ])('one that %s is an adapter error, and not asked again at once', async (_, problem, onStream) => {
    const { path, streams } = await rogue(onStream);
    const good = await adapter(() => ({}));
    const { engine, status } = engineFor({ rogue: path, good: good.path });
    await feed(engine, () => expect(status('rogue').detail).toContain(problem));
    const before = status('good').results;
    await feed(engine, () => expect(status('good').results).toBeGreaterThan(before + 20));
    expect(status('rogue').results).toBeLessThanOrEqual(streams());
    expect(streams()).toBeLessThan(6);
  });

  it('are not sent without credit, and one that answers what breaks the schema is named', async () => {
    const sent: string[] = [];
    const { path } = await rogue((call) => {
      call.write(credits(2));
      call.on('data', (message: InferStreamRequest) => {
        if (message.event?.$case !== 'frame') return;
        sent.push(idOf(message));
        const box = { x: 0, y: 0, w: 7, h: 1 };
        const value = {
          correlationId: idOf(message),
          response: {
            outcome: {
              $case: 'result' as const,
              value: { detections: [{ label: 'x', confidence: 1, box }] },
            },
          },
        };
        call.write(InferStreamResponse.fromPartial({ event: { $case: 'outcome', value } }));
      });
    });
    const { engine, status, detections } = engineFor({ rogue: path });
    await feed(engine, () => expect(status('rogue').breaker).toBe('open'));
    expect(status('rogue').detail).toContain('result.detections[0].box.w');
    for (let n = 0; n < 20; n++) engine.onFrame(frame());
    expect(sent.length).toBeLessThanOrEqual(2);
    expect(detections).toEqual([]);
  });
});
