import { AdapterError } from '@opennvr/adapter-sdk';
import { InferRequest } from '@opennvr/proto/opennvr/inference/v1/inference';
import fc from 'fast-check';
import { encode } from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { motionAdapter } from '../src/index.ts';

function request(frame: Uint8Array, seconds: number): InferRequest {
  return InferRequest.fromPartial({
    cameraId: 'front',
    captureTime: { seconds, nanos: 0 },
    encoding: 1,
    frame: Buffer.from(frame),
  });
}

function picture(square: number): Buffer {
  const [width, height] = [320, 180];
  const data = Buffer.alloc(width * height * 4, 60);
  for (let y = 40; y < 80; y++) data.fill(220, (y * width + square) * 4, (y * width + square + 40) * 4);
  return encode({ width, height, data }, 80).data;
}

const infer = (adapter: ReturnType<typeof motionAdapter>, frame: Uint8Array, seconds: number) =>
  adapter.infer(request(frame, seconds), new AbortController().signal);

describe('the motion adapter', () => {
  it('answers with a normalised box', async () => {
    const adapter = motionAdapter();
    const answers = [];
    for (const [second, x] of [0, 80, 160].entries()) answers.push(await infer(adapter, picture(x), second));
    const box = answers[2]?.detections?.[0];
    expect(answers[2]?.detections).toHaveLength(1);
    expect(box?.label).toBe('motion');
    expect(box?.box?.x).toBeCloseTo(160 / 320, 1);
    expect(box?.box?.y).toBeCloseTo(40 / 180, 1);
    expect(box?.box?.w).toBeCloseTo(40 / 320, 1);
  });

  it('says "undecodable" to bytes that are no picture, and goes on', async () => {
    const adapter = motionAdapter();
    const good = picture(0);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), fc.nat(4), async (at, value, cut) => {
        const broken = Buffer.from(good.subarray(0, good.length - cut * 500));
        broken[at % broken.length] = value;
        try {
          await infer(adapter, broken, 1);
        } catch (error) {
          expect(error).toBeInstanceOf(AdapterError);
          expect((error as AdapterError).code).toBe('undecodable');
        }
      }),
      { numRuns: 200 },
    );
    expect(await infer(motionAdapter(), good, 1)).toEqual({});
  });

  it('refuses a picture bomb', () => {
    const bomb = Buffer.from(picture(0));
    const sof = bomb.indexOf(Buffer.from([0xff, 0xc0]));
    bomb.writeUInt16BE(65_000, sof + 5);
    bomb.writeUInt16BE(65_000, sof + 7);
    expect(() => infer(motionAdapter(), bomb, 1)).toThrow('no picture');
  });
});
