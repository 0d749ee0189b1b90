import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DescribeResponse,
  InferRequest,
  InferResponse,
  InferStreamRequest,
  InferStreamResponse,
} from '../gen/opennvr/inference/v1/inference.ts';
import {
  describeProblem,
  inferRequestProblem,
  inferResponseProblem,
  inferStreamRequestProblem,
  inferStreamResponseProblem,
} from '../validate/inference.ts';

const box = { x: 0.25, y: 0.5, w: 0.25, h: 0.5 };
const answer = (detection: object): InferResponse => ({
  outcome: {
    $case: 'result',
    value: {
      detections: [
        { label: 'person', confidence: 0.5, box, trackId: '', attributes: undefined, ...detection },
      ],
      classifications: [],
      text: '',
    },
  },
});

describe('an answer', () => {
  it('passes when it keeps the contract, also after a trip over the wire', () => {
    expect(inferResponseProblem(answer({}))).toBeUndefined();
    const attributes = { colour: 'red', wheels: 4 };
    const wire = InferResponse.decode(InferResponse.encode(answer({ attributes })).finish());
    expect(inferResponseProblem(wire)).toBeUndefined();
  });

  it.each([
    [{ confidence: 1.5 }, 'detections[0].confidence'],
    [{ confidence: Number.NaN }, 'detections[0].confidence'],
    [{ label: '' }, 'detections[0].label'],
    [{ box: undefined }, 'detections[0]'],
    [{ box: { ...box, x: -0.1 } }, 'detections[0].box.x'],
    [{ box: { ...box, w: 0.9 } }, 'detections[0].box: x + w exceeds 1'],
    [{ box: { ...box, h: 0.6 } }, 'detections[0].box: y + h exceeds 1'],
    [{ surprise: 1 }, 'surprise'],
  ])('%j is refused and named', (detection, path) => {
    expect(inferResponseProblem(answer(detection))).toContain(path);
  });

  it('must be a result or an error', () => {
    expect(inferResponseProblem({ outcome: undefined })).toContain('outcome');
    const value = {
      category: 1,
      code: 'out of memory',
      message: '',
      transient: true,
      retryAfterMs: 0,
    } as const;
    expect(inferResponseProblem({ outcome: { $case: 'error', value } })).toContain('error.code');
    const good = { ...value, code: 'out_of_memory' };
    expect(inferResponseProblem({ outcome: { $case: 'error', value: good } })).toBeUndefined();
  });

  it('never makes the validator throw, whatever bytes decode to', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        let decoded: InferResponse;
        try {
          decoded = InferResponse.decode(bytes);
        } catch {
          return;
        }
        const problem = inferResponseProblem(decoded);
        expect(problem === undefined || problem.length > 0).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a request', () => {
  const request = InferRequest.fromPartial({
    correlationId: 'c',
    cameraId: 'front',
    frameUri: 'opennvr://frames/camera_front/frame_1.jpg',
    captureTime: { seconds: 1, nanos: 0 },
    encoding: 1,
    frame: Buffer.from('x'),
    width: 640,
    height: 360,
  });

  it('passes when it keeps the contract', () => expect(inferRequestProblem(request)).toBeUndefined());

  it.each([
    [{ frame: Buffer.alloc(0), frameUri: '' }, 'frame'],
    [{ region: { x: 0.5, y: 0, w: 0.6, h: 1 } }, 'region: x + w exceeds 1'],
    [{ cameraId: '../etc' }, 'cameraId'],
    [{ frameUri: 'file:///etc/passwd' }, 'frameUri'],
    [{ width: 0 }, 'width'],
    [{ encoding: 0 as const }, 'encoding'],
  ])('%j is refused and named', (change, path) => {
    expect(inferRequestProblem({ ...request, ...change })).toContain(path);
  });
});

describe('a stream', () => {
  const outcome = (response: InferResponse): InferStreamResponse => ({
    event: { $case: 'outcome', value: { correlationId: 'c', response } },
  });

  it('passes what keeps the contract, also after a trip over the wire', () => {
    expect(inferStreamResponseProblem({ event: { $case: 'credits', value: 1 } })).toBeUndefined();
    const sent = InferStreamResponse.encode(outcome(answer({}))).finish();
    expect(inferStreamResponseProblem(InferStreamResponse.decode(sent))).toBeUndefined();
    const cancel = InferStreamRequest.fromPartial({
      event: { $case: 'cancel', value: { correlationId: 'c' } },
    });
    expect(inferStreamRequestProblem(cancel)).toBeUndefined();
  });

  it.each<[InferStreamResponse, string]>([
    [{ event: undefined }, 'event'],
    [{ event: { $case: 'credits', value: 0 } }, 'credits'],
    [{ event: { $case: 'credits', value: 257 } }, 'credits'],
    [{ event: { $case: 'outcome', value: { correlationId: 'c', response: undefined } } }, 'outcome.response'],
    [
      { event: { $case: 'outcome', value: { correlationId: '', response: answer({}) } } },
      'outcome.correlationId',
    ],
    [outcome(answer({ confidence: 2 })), 'outcome.response.result.detections[0].confidence'],
    [
      outcome(answer({ box: { ...box, w: 0.9 } })),
      'outcome.response.result.detections[0].box: x + w exceeds 1',
    ],
  ])('%j from an adapter is refused and named', (message, path) => {
    expect(inferStreamResponseProblem(message)).toContain(path);
  });

  it.each<[object, string]>([
    [{}, 'event'],
    [{ event: { $case: 'cancel', value: { correlationId: '' } } }, 'cancel.correlationId'],
    [{ event: { $case: 'frame', value: { request: { correlationId: 'c' } } } }, 'frame'],
    [{ event: { $case: 'frame', value: { deadline: { seconds: 601 } } } }, 'frame'],
  ])('%j to an adapter is refused and named', (message, path) => {
    expect(inferStreamRequestProblem(InferStreamRequest.fromPartial(message))).toContain(path);
  });
});

describe('attributes', () => {
  /** `{a: {a: {…}}}` */
  const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });

  it.each<[string, object]>([
    ['deep', nested(6)],
    ['many', Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`k${n}`, n]))],
    ['long', { list: Array.from({ length: 1025 }, () => 0) }],
    ['wordy', { text: 'x'.repeat(65_537) }],
    ['endless', { number: Number.POSITIVE_INFINITY }],
  ])('that are too %s are refused and named', (_, attributes) => {
    expect(inferResponseProblem(answer({ attributes }))).toContain('result.detections[0].attributes');
  });

  it('pass below that', () => {
    expect(
      inferResponseProblem(answer({ attributes: { ...nested(4), list: [1, 'a', null, true] } })),
    ).toBeUndefined();
  });
});

describe('a self-description', () => {
  const good = DescribeResponse.fromPartial({
    name: 'motion',
    version: '1',
    vendor: 'OpenNVR',
    license: 'Apache-2.0',
    model: { name: 'm', version: '1', fingerprint: `sha256:${'0'.repeat(64)}` },
    tasks: ['motion'],
  });

  it('passes when it keeps the contract', () => expect(describeProblem(good)).toBeUndefined());

  it.each([
    [{ name: 'Motion!' }, 'name'],
    [{ tasks: [] }, 'tasks'],
    [{ model: { name: 'm', version: '1', fingerprint: 'md5:0' } }, 'model.fingerprint'],
  ])('%j is refused and named', (change, path) => {
    expect(describeProblem({ ...good, ...change })).toContain(path);
  });
});
