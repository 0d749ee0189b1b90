import {
  InferRequest,
  type InferStreamRequest,
  InferStreamResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { SimulatedClock } from '@opennvr/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InferenceError } from '../src/inference/failure.ts';
import { FrameStream } from '../src/inference/frame-stream.ts';

const credits = (value: number) => InferStreamResponse.fromPartial({ event: { $case: 'credits', value } });
const outcome = (correlationId: string) =>
  InferStreamResponse.fromPartial({
    event: {
      $case: 'outcome',
      value: { correlationId, response: { outcome: { $case: 'result', value: { text: correlationId } } } },
    },
  });

function setUp() {
  const clock = new SimulatedClock();
  const sent: InferStreamRequest[] = [];
  const windows: number[] = [];
  const ends: InferenceError[] = [];
  let tell: (message: InferStreamResponse) => void = () => undefined;
  let cancelled = 0;
  const stream = new FrameStream(
    {
      write: (message) => sent.push(message),
      cancel: () => cancelled++,
      on: (event: string, listener: unknown) => {
        if (event === 'data') tell = listener as typeof tell;
      },
    },
    { clock, onWindow: (window) => windows.push(window), onEnd: (why) => ends.push(why) },
  );
  let ids = 0;
  const infer = (bytes = 10, deadlineMs = 1000) => {
    const correlationId = `f${++ids}`;
    const answer = stream.infer(
      InferRequest.fromPartial({ correlationId, frame: Buffer.alloc(bytes) }),
      deadlineMs,
    );
    // Looked at later, or not at all.
    answer.catch(() => undefined);
    return answer;
  };
  return {
    clock,
    sent,
    windows,
    ends,
    infer,
    tell: (message: InferStreamResponse) => tell(message),
    cancelled: () => cancelled,
  };
}

describe('a stream of frames', () => {
  test('spends a credit on a frame and resolves with its outcome, in any order', async () => {
    const t = setUp();
    t.tell(credits(2));
    const [first, second] = [t.infer(), t.infer()];
    expect(t.sent).toMatchObject([
      { event: { $case: 'frame', value: { deadline: { seconds: 1, nanos: 0 } } } },
      { event: { $case: 'frame' } },
    ]);
    await expect(t.infer()).rejects.toMatchObject({ reason: 'cancelled' });
    t.tell(outcome('f2'));
    t.tell(outcome('f1'));
    expect((await first).text).toBe('f1');
    expect((await second).text).toBe('f2');
    expect(t.windows.at(-1)).toBe(0);
  });

  test('tells the adapter when nobody waits any more, and takes its late outcome for what it is', async () => {
    const t = setUp();
    t.tell(credits(1));
    const answer = t.infer(10, 250);
    expect(t.windows.at(-1)).toBe(1);
    t.clock.advance(250);
    await expect(answer).rejects.toMatchObject({ reason: 'timeout' });
    expect(t.sent.at(-1)).toEqual({ event: { $case: 'cancel', value: { correlationId: 'f1' } } });
    expect(t.windows.at(-1)).toBe(0);
    t.tell(outcome('f1'));
    t.tell(credits(1));
    expect(t.ends).toEqual([]);
    expect(t.windows.at(-1)).toBe(1);
  });

  test('ends when the adapter leaves it without credit', () => {
    const t = setUp();
    t.clock.advance(9999);
    expect(t.ends).toEqual([]);
    t.clock.advance(1);
    expect(t.ends).toMatchObject([
      { reason: 'contract', message: expect.stringContaining('no credit within') },
    ]);
    expect(t.cancelled()).toBe(1);
  });

  test('ends, and tells all who wait, when frames pile up without an outcome', async () => {
    const t = setUp();
    t.tell(credits(256));
    const answers = Array.from({ length: 9 }, () => t.infer(8 * 1024 * 1024, 1000));
    t.clock.advance(1000);
    const reasons = await Promise.all(answers.map((answer) => answer.catch(({ reason }) => reason)));
    expect(reasons).toContain('timeout');
    expect(t.ends).toMatchObject([
      { reason: 'contract', message: expect.stringContaining('have no outcome') },
    ]);
  });

  test('counts frames that were given up towards what may be open', () => {
    const t = setUp();
    t.tell(credits(256));
    for (let n = 0; n < 256; n++) t.infer();
    t.clock.advance(1000);
    t.tell(credits(1));
    expect(t.ends).toMatchObject([{ message: expect.stringContaining('more than 256') }]);
  });

  test('keeps its bounds whatever an adapter sends', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('credits' as const), n: fc.integer({ min: 0, max: 300 }) }),
      fc.record({ kind: fc.constant('outcome' as const), n: fc.nat(20) }),
      fc.record({ kind: fc.constant('infer' as const), n: fc.integer({ min: 1, max: 2000 }) }),
      fc.record({ kind: fc.constant('advance' as const), n: fc.nat(3000) }),
      fc.record({ kind: fc.constant('none' as const), n: fc.constant(0) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 100 }), (events) => {
        const t = setUp();
        let granted = 0;
        for (const { kind, n } of events) {
          if (kind === 'credits') {
            t.tell(credits(n));
            granted += n;
          } else if (kind === 'outcome') t.tell(outcome(`f${n}`));
          else if (kind === 'infer') t.infer(10, n);
          else if (kind === 'advance') t.clock.advance(n);
          else t.tell({ event: undefined });
          const frames = t.sent.filter((message) => message.event?.$case === 'frame').length;
          expect(frames).toBeLessThanOrEqual(granted);
          expect(t.windows.at(-1)).toBeLessThanOrEqual(256);
          expect(t.ends.length).toBe(t.cancelled());
          expect(t.ends.length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 300 },
    );
  });
});
