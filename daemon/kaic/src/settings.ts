import { type ActiveHours, Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { z } from 'zod';

const MIB = 1024 * 1024;
const milliseconds = z.number().nonnegative();
const absolutePath = z.string().startsWith('/', 'expected an absolute path');

const share = z.number().min(0).max(1);

const assignmentSchema = z.strictObject({
  cameraId: z.string().default(''),
  intervalMs: milliseconds.default(0),
  region: z.strictObject({ x: share, y: share, w: share, h: share }).optional(),
  minimumSize: z.strictObject({ w: share.default(0), h: share.default(0) }).optional(),
  activeHours: z
    .strictObject({
      timeZone: z.string().default(''),
      windows: z.array(
        z.strictObject({
          weekdays: z.array(z.int().min(1).max(7)).default([]),
          startMinute: z.int(),
          endMinute: z.int(),
        }),
      ),
    })
    .optional(),
});

const planSchema = z.strictObject({
  cameras: z
    .array(
      z.strictObject({
        cameraId: z.string(),
        intervalMs: milliseconds.default(0),
        weight: z.int().nonnegative().default(0),
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
        view: z.string().default(''),
        assignments: z.array(assignmentSchema).default([]),
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
  /** Where Prometheus text is served; without it, nowhere. */
  metricsSocket: absolutePath.optional(),
  /** Used when no plan has been applied yet. */
  plan: planSchema.optional(),
});

export type KaicSettings = z.output<typeof settingsSchema>;

/** The settings' plan as the service would get it. */
export function planFromSettings({ cameras, adapters }: z.output<typeof planSchema>): Plan {
  return Plan.fromPartial({
    cameras: cameras.map(({ intervalMs, ...camera }) => ({ ...camera, interval: duration(intervalMs) })),
    adapters: adapters.map(({ deadlineMs, assignments, ...adapter }) => ({
      ...adapter,
      deadline: duration(deadlineMs),
      assignments: assignments.map(({ intervalMs, region, minimumSize, activeHours, ...assignment }) => ({
        ...assignment,
        interval: duration(intervalMs),
        ...(region && { region }),
        ...(minimumSize && { minimumSize }),
        ...(activeHours && { activeHours: activeHours as Partial<ActiveHours> }),
      })),
    })),
  });
}

function duration(ms: number): { seconds: number; nanos: number } {
  return { seconds: Math.floor(ms / 1000), nanos: Math.round((ms % 1000) * 1e6) };
}
