import { z } from 'zod';

/** Settings of `opennvr-decoder`. */
export const decoderSettings = z.strictObject({
  /** Unix socket that `DecoderService` is served on. */
  socketPath: z.string().startsWith('/'),
  /** Default: `FFMPEG_BIN`, then PATH. */
  ffmpegPath: z.string().startsWith('/').optional(),
  /** Pictures decoded at the same time; 0 means one per core, at most 4. */
  concurrency: z.number().int().min(0).max(64).default(0),
  /** Warm decoders kept, one per codec and picture size; never fewer than `concurrency`. */
  warmWorkers: z.number().int().min(1).max(64).default(6),
  /** Requests waiting; one more is refused with RESOURCE_EXHAUSTED. */
  queueLength: z.number().int().min(1).max(4096).default(64),
  /** Longest time one picture may take before its decoder is killed, ms. */
  timeoutMs: z.number().int().min(100).max(60_000).default(3000),
  /** `auto` takes the strictest that works here; `bubblewrap` refuses to start without it. */
  sandbox: z.enum(['auto', 'bubblewrap', 'none']).default('auto'),
  /** Address space of one decoder process, bytes. */
  memoryBytes: z
    .number()
    .int()
    .min(256 * 1024 * 1024)
    .default(2 * 1024 * 1024 * 1024),
});

export type DecoderSettings = z.output<typeof decoderSettings>;
