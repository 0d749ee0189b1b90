import { randomUUID } from 'node:crypto';
import type { DescribeResponse } from '@opennvr/proto/opennvr/inference/v1/inference';
import { AdapterStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { Random } from '@opennvr/rtsp';
import type { Clock, Logger } from '@opennvr/service';
import type { AdapterPlan, CameraPlan, Detection, StoredFrame } from '../types.ts';
import { type Assigned, assignedOf, isAskedFor } from './assigned.ts';
import { InferenceError } from './failure.ts';
import { Latencies } from './latencies.ts';
import { duration, makeRequest, type RequestParts, Unsendable } from './request.ts';
import { type CallEnd, Scheduler } from './scheduler.ts';
import { type Instance, Succession } from './succession.ts';
import { Tally } from './tally.ts';

const LOG_EVERY_MS = 10_000;

export interface DriverParts extends RequestParts {
  clock: Clock;
  log: Logger;
  random: Random;
  onDetection(detection: Detection): void;
}

/** Drives one adapter: what it gets, when, and what becomes of its answers. */
export class AdapterDriver {
  readonly #parts: DriverParts;
  readonly #scheduler: Scheduler;
  readonly #instances: Succession;
  readonly #latencies = new Latencies();
  readonly #tally = new Tally();
  #assigned = new Map<string, Assigned>();
  #plan: AdapterPlan;
  #detail = 'not connected yet';
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(plan: AdapterPlan, parts: DriverParts) {
    this.#plan = plan;
    this.#parts = parts;
    this.#scheduler = new Scheduler({
      clock: parts.clock,
      random: parts.random,
      start: (frame, offeredAt, done) => void this.#look(frame, offeredAt).then(done),
      onDrop: (cameraId, reason) => this.#tally.drop(cameraId, reason),
    });
    this.#instances = new Succession(plan, {
      clock: parts.clock,
      onLive: (description) => {
        this.#detail = '';
        this.#setLimits();
        this.#scheduler.ready = true;
        parts.log.info({ adapter: plan.name, version: description.version }, 'adapter connected');
      },
      onSwap: () => this.#scheduler.restart(),
      onGone: (why) => {
        this.#scheduler.ready = false;
        if (why.reason === 'contract') this.#scheduler.failed();
        this.#problem(`away: ${why.message}`);
      },
      onWindow: () => this.#setLimits(),
    });
  }

  /** Whatever has changed but the name; a changed socket path begins a swap. */
  update(plan: AdapterPlan, cameras: readonly CameraPlan[]): void {
    this.#plan = plan;
    this.#assigned = assignedOf(plan.assignments, cameras);
    this.#tally.keep(this.#assigned);
    this.#scheduler.assign(this.#assigned);
    this.#instances.follow(plan);
    this.#setLimits();
  }

  offer(frame: StoredFrame): void {
    const assigned = this.#assigned.get(frame.cameraId);
    if (!assigned) return;
    if (assigned.hours?.includes(frame.captureTimeMs) === false)
      this.#tally.count(frame.cameraId, 'inactive');
    else this.#scheduler.offer(frame);
  }

  status(): AdapterStatus {
    const [p50Ms, p99Ms] = this.#latencies.percentiles(0.5, 0.99);
    const { description, socketPath, view } = this.#instances.live;
    const { why, ms } = this.#scheduler.hold;
    return AdapterStatus.fromPartial({
      name: this.#plan.name,
      connected: description !== undefined,
      breaker: this.#scheduler.breaker,
      results: this.#tally.total('results'),
      timeouts: this.#tally.total('timeouts'),
      errors: this.#tally.total('errors'),
      dropped: this.#tally.dropped,
      p50Ms,
      p99Ms,
      detail: this.#detail,
      version: description?.version ?? '',
      cameras: this.#tally.status(),
      socketPath,
      swap: this.#instances.swap,
      fingerprint: description?.model?.fingerprint ?? '',
      ...(description?.permissions && { permissions: description.permissions }),
      inFlight: this.#scheduler.inFlight,
      queued: this.#scheduler.queued,
      failuresInARow: this.#scheduler.failures,
      ...(ms > 0 && { retryIn: duration(ms) }),
      holds: description === undefined ? 'connecting' : why,
      streaming: description?.streaming ?? false,
      viewFrames: this.#parts.views.count(view),
    });
  }

  close(): void {
    this.#scheduler.close();
    this.#instances.close();
  }

  #setLimits(): void {
    const { description, client } = this.#instances.live;
    const asked = Math.max(1, this.#plan.maxInFlight || (description?.limits?.maxInFlight ?? 1));
    this.#scheduler.limits = {
      maxInFlight: Math.min(asked, client.window),
      queueLength: this.#plan.queueLength,
    };
  }

  /** One frame, from picture to published answer. Never throws. */
  async #look(frame: StoredFrame, offeredAt: number): Promise<CallEnd> {
    const instance = this.#instances.live;
    const { description } = instance;
    const assigned = this.#assigned.get(frame.cameraId);
    if (!description || !assigned) return 'cancelled';
    const correlationId = randomUUID().replaceAll('-', '');
    try {
      await this.#ask(frame, { instance, description, assigned, correlationId, offeredAt });
      return 'ok';
    } catch (error) {
      return this.#failed(error, frame.cameraId, correlationId);
    }
  }

  async #ask(
    frame: StoredFrame,
    about: {
      instance: Instance;
      description: DescribeResponse;
      assigned: Assigned;
      correlationId: string;
      offeredAt: number;
    },
  ): Promise<void> {
    const { instance, description, assigned, correlationId, offeredAt } = about;
    const { region } = assigned;
    const context = { correlationId, view: instance.view, region };
    const { request, release } = await makeRequest(frame, description, context, this.#parts);
    try {
      const result = await instance.client.infer(request, this.#plan.deadlineMs);
      const detections = result.detections.filter((detection) => isAskedFor(detection, assigned));
      const latencyMs = this.#parts.clock.monotonic() - offeredAt;
      this.#tally.count(frame.cameraId, 'results');
      this.#tally.count(frame.cameraId, 'filtered', result.detections.length - detections.length);
      this.#latencies.add(latencyMs);
      this.#parts.onDetection({
        cameraId: frame.cameraId,
        frameUri: request.frameUri,
        captureTime: request.captureTime,
        adapter: this.#plan.name,
        adapterVersion: description.version,
        modelFingerprint: description.model?.fingerprint ?? '',
        correlationId,
        latency: duration(latencyMs),
        result: { ...result, detections },
      });
    } finally {
      release();
    }
  }

  #failed(error: unknown, cameraId: string, correlationId: string): CallEnd {
    this.#problem((error as Error).message, { cameraId, correlationId });
    if (error instanceof Unsendable) {
      this.#tally.drop(cameraId, error.reason);
      return 'cancelled';
    }
    const failure = error instanceof InferenceError ? error : undefined;
    this.#tally.count(cameraId, failure?.reason === 'timeout' ? 'timeouts' : 'errors');
    if (failure?.reason === 'cancelled') return 'cancelled';
    if (failure?.reason === 'contract') return 'broken';
    if (!failure?.retryAfterMs) return 'failed';
    // It says itself when it can be asked again: no guessing by the breaker.
    this.#scheduler.holdFor(failure.retryAfterMs);
    return 'cancelled';
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
