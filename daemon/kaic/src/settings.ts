import type { Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { z } from 'zod';

const MIB = 1024 * 1024;
const milliseconds = z.number().nonnegative();
const absolutePath = z.string().startsWith('/', 'expected an absolute path');

const planSchema = z.strictObject({
  cameras: z
    .array(
      z.strictObject({
        cameraId: z.string(),
        intervalMs: milliseconds.default(0),
        assignments: z
          .array(z.strictObject({ adapter: z.string(), intervalMs: milliseconds.default(0) }))
          .default([]),
      }),
    )
    .default([]),
  adapters: z
    .array(
      z.strictObject({
        name: z.string(),
        socketPath: absolutePath,
        deadlineMs: milliseconds.default(0),
        maxInFlight: z.int().nonnegative().default(0),
        queueLength: z.int().nonnegative().default(0),
      }),
    )
    .default([]),
});

/** Settings of `opennvr-kaic`. */
export const settingsSchema = z.strictObject({
  /** Where `KaicService` is served. */
  socketPath: absolutePath,
  /** Holds the plan last applied. */
  stateDir: absolutePath,
  frames: z.strictObject({
    /** A tmpfs of its own on the appliance; any folder elsewhere. */
    dir: absolutePath,
    capBytes: z
      .int()
      .min(MIB)
      .default(512 * MIB),
    /** Frames kept per camera. */
    ring: z.int().min(2).max(10_000).default(30),
    /** Ends processes that keep deleted frames mapped until the store is full; false only names them. */
    cutOffPinners: z.boolean().default(true),
  }),
  /** `MediaService`: where cameras are. */
  mediaSocket: absolutePath,
  /** `DecoderService`: where I-frames become pictures. */
  decoderSocket: absolutePath,
  /** Used when no plan has been applied yet. */
  plan: planSchema.optional(),
});

export type KaicSettings = z.output<typeof settingsSchema>;

/** The settings' plan as the service would get it. */
export function planFromSettings(plan: z.output<typeof planSchema>): Plan {
  return {
    cameras: plan.cameras.map(({ cameraId, intervalMs, assignments }) => ({
      cameraId: cameraId,
      interval: duration(intervalMs),
      assignments: assignments.map((a) => ({ adapter: a.adapter, interval: duration(a.intervalMs) })),
    })),
    adapters: plan.adapters.map(({ name, socketPath, deadlineMs, maxInFlight, queueLength }) => ({
      name,
      socketPath: socketPath,
      deadline: duration(deadlineMs),
      maxInFlight: maxInFlight,
      queueLength: queueLength,
    })),
  };
}

function duration(ms: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) };
}
