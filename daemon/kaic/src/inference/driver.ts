import { randomUUID } from 'node:crypto';
import {
  type DescribeResponse,
  FrameEncoding,
  type InferRequest,
} from '@opennvr/proto/opennvr/inference/v1/inference';
import { AdapterCameraStatus, AdapterStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { Random } from '@opennvr/rtsp';
import type { Clock, Logger } from '@opennvr/service';
import type { AdapterPlan, CameraPlan, Detection, FramePictures, StoredFrame } from '../types.ts';
import { DecodeError } from '../types.ts';
import { AdapterClient, InferenceError } from './adapter-client.ts';
import { Latencies } from './latencies.ts';
import { type CallEnd, Scheduler } from './scheduler.ts';

const DEFAULT_DEADLINE_MS = 5000;
const DEFAULT_QUEUE = 2;
const LOG_EVERY_MS = 10_000;

export interface DriverParts {
  clock: Clock;
  log: Logger;
  random: Random;
  pictures: FramePictures;
  onDetection(detection: Detection): void;
}

/** Drives one adapter: what it gets, when, and what becomes of its answers. */
export class AdapterDriver {
  readonly socketPath: string;
  readonly #parts: DriverParts;
  readonly #scheduler: Scheduler;
  readonly #client: AdapterClient;
  readonly #latencies = new Latencies();
  readonly #resultsOf = new Map<string, number>();
  #plan: AdapterPlan;
  #description: DescribeResponse | undefined;
  #results = 0;
  #timeouts = 0;
  #errors = 0;
  #detail = 'not connected yet';
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(plan: AdapterPlan, parts: DriverParts) {
    this.socketPath = plan.socketPath;
    this.#plan = plan;
    this.#parts = parts;
    this.#scheduler = new Scheduler({
      clock: parts.clock,
      random: parts.random,
      start: (frame, offeredAt, done) => void this.#look(frame, offeredAt).then(done),
    });
    this.#client = new AdapterClient({
      socketPath: plan.socketPath,
      clock: parts.clock,
      onDescribed: (description) => {
        this.#description = description;
        this.#detail = '';
        this.#setLimits();
        this.#scheduler.ready = true;
        parts.log.info({ adapter: plan.name, version: description.version }, 'adapter connected');
      },
      onGone: (why) => {
        this.#scheduler.ready = false;
        this.#description = undefined;
        this.#problem(`away: ${why}`);
      },
    });
  }

  /** New limits and the whole set of cameras; the connection stays. */
  update(plan: AdapterPlan, cameras: readonly CameraPlan[]): void {
    this.#plan = plan;
    const intervals = intervalsOf(plan, cameras);
    this.#setLimits();
    this.#scheduler.assign(intervals);
    for (const cameraId of this.#resultsOf.keys()) {
      if (!intervals.has(cameraId)) this.#resultsOf.delete(cameraId);
    }
    for (const cameraId of intervals.keys()) {
      if (!this.#resultsOf.has(cameraId)) this.#resultsOf.set(cameraId, 0);
    }
  }

  offer(frame: StoredFrame): void {
    this.#scheduler.offer(frame);
  }

  status(): AdapterStatus {
    const [p50Ms, p99Ms] = this.#latencies.percentiles(0.5, 0.99);
    return AdapterStatus.fromPartial({
      name: this.#plan.name,
      connected: this.#description !== undefined,
      breaker: this.#scheduler.breaker,
      results: this.#results,
      timeouts: this.#timeouts,
      errors: this.#errors,
      dropped: this.#scheduler.dropped,
      p50Ms,
      p99Ms,
      detail: this.#detail,
      version: this.#description?.version ?? '',
      socketPath: this.socketPath,
      fingerprint: this.#description?.model?.fingerprint ?? '',
      ...(this.#description?.permissions && { permissions: this.#description.permissions }),
      cameras: [...this.#resultsOf].map(([cameraId, results]) =>
        AdapterCameraStatus.fromPartial({
          cameraId,
          results,
          dropped: this.#scheduler.droppedOf(cameraId),
        }),
      ),
    });
  }

  close(): void {
    this.#scheduler.close();
    this.#client.close();
  }

  #setLimits(): void {
    const asked = this.#description?.limits?.maxInFlight ?? 1;
    this.#scheduler.limits = {
      maxInFlight: Math.max(1, this.#plan.maxInFlight || asked),
      queueLength: this.#plan.queueLength || DEFAULT_QUEUE,
    };
  }

  /** One frame, from picture to published answer. Never throws. */
  async #look(frame: StoredFrame, offeredAt: number): Promise<CallEnd> {
    const description = this.#description;
    if (!description) return 'cancelled';
    const { clock, onDetection } = this.#parts;
    const correlationId = randomUUID().replaceAll('-', '');
    try {
      const request = await this.#request(frame, description, correlationId);
      const result = await this.#client.infer(request, this.#plan.deadlineMs || DEFAULT_DEADLINE_MS);
      const latencyMs = clock.monotonic() - offeredAt;
      this.#results++;
      this.#resultsOf.set(frame.cameraId, (this.#resultsOf.get(frame.cameraId) ?? 0) + 1);
      this.#latencies.add(latencyMs);
      onDetection({
        cameraId: frame.cameraId,
        frameUri: request.frameUri,
        captureTime: request.captureTime,
        adapter: this.#plan.name,
        adapterVersion: description.version,
        modelFingerprint: description.model?.fingerprint ?? '',
        correlationId,
        latency: duration(latencyMs),
        result,
      });
      return 'ok';
    } catch (error) {
      return this.#failed(error, frame, correlationId);
    }
  }

  async #request(
    frame: StoredFrame,
    { input }: DescribeResponse,
    correlationId: string,
  ): Promise<InferRequest> {
    const raw =
      frame.codec === 'h264' ? FrameEncoding.FRAME_ENCODING_H264 : FrameEncoding.FRAME_ENCODING_H265;
    const wanted = input?.encodings ?? [];
    const jpeg = FrameEncoding.FRAME_ENCODING_JPEG;
    const encoding = wanted.length === 0 ? jpeg : wanted.find((one) => one === jpeg || one === raw);
    if (encoding === undefined) {
      throw new InferenceError('cancelled', `the adapter does not take ${frame.codec} or JPEG`);
    }
    const common = {
      correlationId,
      cameraId: frame.cameraId,
      captureTime: timestamp(frame.captureTimeMs),
      encoding,
      parameters: undefined,
      region: undefined,
    };
    if (encoding === raw) {
      return {
        ...common,
        frameUri: frame.uri,
        frame: frame.annexB,
        width: frame.width,
        height: frame.height,
      };
    }
    const { uri, data, width, height } = await this.#parts.pictures.jpeg(frame, input?.maxWidth ?? 0);
    return { ...common, frameUri: uri, frame: data, width, height };
  }

  #failed(error: unknown, frame: StoredFrame, correlationId: string): CallEnd {
    if (error instanceof InferenceError && error.reason === 'timeout') this.#timeouts++;
    else this.#errors++;
    this.#problem((error as Error).message, { cameraId: frame.cameraId, correlationId });
    // A picture that cannot be had, or an encoding it does not take, is not the adapter's fault.
    if (error instanceof DecodeError) return 'cancelled';
    if (!(error instanceof InferenceError)) return 'failed';
    if (error.reason === 'cancelled') return 'cancelled';
    return error.reason === 'contract' ? 'broken' : 'failed';
  }

  /** Keeps the last problem for the status, and logs at most one in ten seconds. */
  #problem(detail: string, about: object = {}): void {
    this.#detail = detail;
    const now = this.#parts.clock.monotonic();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    this.#parts.log.warn({ adapter: this.#plan.name, ...about }, detail);
  }
}

function intervalsOf({ assignments }: AdapterPlan, cameras: readonly CameraPlan[]): Map<string, number> {
  const own = new Map(assignments.map((assignment) => [assignment.cameraId, assignment]));
  return new Map(
    cameras.flatMap(({ cameraId }) => {
      const assignment = own.get(cameraId) ?? own.get('');
      return assignment ? [[cameraId, assignment.intervalMs]] : [];
    }),
  );
}

function timestamp(ms: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6)) };
}

function duration(ms: number): { seconds: number; nanos: number } {
  return timestamp(Math.max(0, ms));
}
