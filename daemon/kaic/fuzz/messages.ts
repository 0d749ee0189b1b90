import {
  InferRequest,
  InferResponse,
  InferStreamResponse,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { inferResponseProblem } from '@opennvr/proto/validate/inference';
import { SimulatedClock } from '@opennvr/service';
import { type FuzzTarget, magnitude, promise, words } from '@opennvr/tests/fuzz';
import { FrameStream } from '../src/inference/frame-stream.ts';
import { validatePlan } from '../src/plan/validate.ts';

const SLUG = /^[a-z0-9][a-z0-9_-]{0,62}$/;

const PLAN = Plan.fromPartial({
  adapters: [
    {
      name: 'motion',
      socketPath: '/run/opennvr/motion.sock',
      deadline: { seconds: 3 },
      maxInFlight: 2,
      assignments: [
        {
          cameraId: 'door',
          interval: { seconds: 1 },
          region: { x: 0.5, y: 0, w: 0.5, h: 1 },
          minimumSize: { w: 0.1, h: 0.1 },
          activeHours: {
            timeZone: 'Europe/Berlin',
            windows: [{ weekdays: [1, 5], startMinute: 1320, endMinute: 360 }],
          },
        },
        { cameraId: '' },
      ],
    },
  ],
  cameras: [
    {
      cameraId: 'door',
      interval: { nanos: 200_000_000 },
      weight: 3,
    },
    { cameraId: 'yard' },
  ],
});

/** A plan as a peer sends it, or as JSON, as the file keeps it. */
export const plan: FuzzTarget = {
  name: 'plan',
  seeds: [Buffer.from(Plan.encode(PLAN).finish()), Buffer.from(JSON.stringify(Plan.toJSON(PLAN)))],
  dictionary: words(
    ...['"cameraId":', '"interval":', '"adapters":', '"1s"', '"-1s"', '-1', '1e999', 'null', '"x"', '[', '{'],
    ...['/../', '\\u0000', 'motion', 'door', '\xff', '\x08', '\x10'],
  ),
  run(input) {
    const read = () => (input[0] === 0x7b ? Plan.fromJSON(JSON.parse(input.toString())) : Plan.decode(input));
    const found = decoded(read);
    if (!found) return 'no message';
    try {
      const { taps, adapters } = validatePlan(found);
      const assignments = adapters.flatMap((adapter) => adapter.assignments);
      for (const { cameraId, weight } of taps)
        promise(SLUG.test(cameraId) && weight >= 1 && weight <= 100, `camera ${cameraId} ${weight}`);
      for (const { intervalMs } of [...taps, ...assignments])
        promise(intervalMs >= 0 && intervalMs <= 86_400_000, `interval ${intervalMs}`);
      for (const { cameraId, region, minimumSize, activeHours } of assignments) {
        promise(cameraId === '' || SLUG.test(cameraId), `camera ${cameraId}`);
        promise(!region || (region.w > 0 && region.x + region.w < 1.001), 'a region');
        promise(minimumSize.w >= 0 && minimumSize.h <= 1, 'a size');
        promise(!activeHours || activeHours.windows.length > 0, 'never active');
      }
      for (const { name, socketPath, deadlineMs, maxInFlight, queueLength } of adapters) {
        promise(
          /^[a-z0-9]/.test(name) && socketPath.startsWith('/') && !socketPath.includes('\0'),
          socketPath,
        );
        promise(deadlineMs > 0 && deadlineMs <= 600_000, `deadline ${deadlineMs}`);
        promise(maxInFlight >= 0 && maxInFlight <= 64 && queueLength > 0 && queueLength <= 64, 'a queue');
      }
      return `${taps.length} ${adapters.length} ${assignments.length}`;
    } catch (error) {
      const { code, message } = error as { code?: unknown; message: string };
      if (code !== 3) throw error;
      return `invalid ${message.slice(0, 80).replaceAll(/\d+/g, 'n')}`;
    }
  },
};

const ANSWERS = [
  InferResponse.fromPartial({
    outcome: {
      $case: 'result',
      value: {
        detections: [
          {
            label: 'person',
            confidence: 0.9,
            box: { x: 0.1, y: 0.2, w: 0.3, h: 0.4 },
            trackId: '7',
            attributes: { a: 'b' },
          },
        ],
        classifications: [{ label: 'day', confidence: 1 }],
        text: 'AB 12',
      },
    },
  }),
  InferResponse.fromPartial({
    outcome: { $case: 'error', value: { code: 'busy', message: 'later', transient: true } },
  }),
];

/** What an adapter answers, from the wire: what passes is within the published schema's bounds. */
export const adapterAnswer: FuzzTarget = {
  name: 'adapter-answer',
  seeds: ANSWERS.map((answer) => Buffer.from(InferResponse.encode(answer).finish())),
  dictionary: ['0000c07f', '0000807f', '0000803f', '0a00', '1a00', '12ffffffff0f', 'c3', 'eda080'].map(
    (hex) => Buffer.from(hex, 'hex'),
  ),
  run(input) {
    const answer = decoded(() => InferResponse.decode(input));
    if (!answer) return 'no message';
    const problem = inferResponseProblem(answer);
    if (problem !== undefined) return problem.slice(0, 80).replaceAll(/\d+/g, 'n');
    const { outcome } = answer;
    if (outcome?.$case !== 'result') return 'error';
    const { detections, classifications, text } = outcome.value;
    for (const { label, confidence, box } of detections) {
      promise(
        label.length > 0 && label.length <= 256 && confidence >= 0 && confidence <= 1,
        `label ${label}`,
      );
      promise(
        box !== undefined && box.x >= 0 && box.y >= 0 && box.x + box.w < 1.001 && box.y + box.h < 1.001,
        'a box',
      );
    }
    return `${magnitude(detections.length)} ${magnitude(classifications.length)} ${magnitude(text.length)}`;
  },
};

const GRANTS = [
  InferStreamResponse.fromPartial({ event: { $case: 'credits', value: 4 } }),
  ...ANSWERS.map((response) =>
    InferStreamResponse.fromPartial({
      event: { $case: 'outcome', value: { correlationId: 'f1', response } },
    }),
  ),
];

/** What an adapter sends into its stream: more than it may have is never sent, and at most one reason ends it. */
export const adapterStream: FuzzTarget = {
  name: 'adapter-stream',
  seeds: GRANTS.map((message) => Buffer.from(InferStreamResponse.encode(message).finish())),
  dictionary: ['0880808080', '08ff01', '1200', '12040a026631', '0a026631', '0a026632'].map((hex) =>
    Buffer.from(hex, 'hex'),
  ),
  run(input) {
    const message = decoded(() => InferStreamResponse.decode(input));
    if (!message) return 'no message';
    let tell: (message: InferStreamResponse) => void = () => undefined;
    let sent = 0;
    let window = 0;
    const ends: string[] = [];
    const stream = new FrameStream(
      {
        write: () => sent++,
        cancel: () => undefined,
        on: (event: string, listener: unknown) => {
          if (event === 'data') tell = listener as typeof tell;
        },
      },
      {
        clock: new SimulatedClock(),
        onWindow: (now) => {
          window = now;
        },
        onEnd: ({ reason }) => ends.push(reason),
      },
    );
    tell({ event: { $case: 'credits', value: 1 } });
    stream.infer(InferRequest.fromPartial({ correlationId: 'f1' }), 1000).catch(() => undefined);
    tell(message);
    tell(message);
    promise(sent === 1 && window <= 256 && ends.length <= 1, `sent ${sent}, window ${window}, ended ${ends}`);
    return `${message.event?.$case} ${window} ${ends[0]}`;
  },
};

/** Generated code throws errors of many kinds; gRPC and the plan's file have it answer to that. */
function decoded<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
