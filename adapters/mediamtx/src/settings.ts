import { isAbsolute } from 'node:path';
import { z } from 'zod';

const path = z.string().refine(isAbsolute, 'expected an absolute path');
const port = z.int().min(1).max(65_535);

/** Settings both media engines read; what only the other one needs is accepted and not used. */
export const Settings = z.strictObject({
  /** Where `MediaService` is served. */
  socketPath: path,
  /** Kept over restarts: MediaMTX's configuration and our credentials, both 0600. */
  stateDir: path,
  /** `%` would be a variable in MediaMTX's `recordPath`. */
  recordingsDir: path.refine((text) => !text.includes('%'), 'must not hold "%"'),
  /** MediaMTX's sockets and log; may be on tmpfs. */
  runDir: path,
  rtsp: z
    .strictObject({ host: z.literal('127.0.0.1').default('127.0.0.1'), port: port.default(8554) })
    .prefault({}),
  webrtc: z
    .strictObject({
      udpPort: port.default(8189),
      /** Addresses browsers are told; nothing else is advertised. */
      hosts: z
        .array(z.string().regex(/^[0-9A-Za-z.:-]{1,253}$/, 'expected an address or a host name'))
        .default([]),
      /** Interfaces whose addresses browsers are told as well. */
      interfaces: z.array(z.string().regex(/^[^\s/]{1,15}$/, 'expected an interface name')).default([]),
    })
    .prefault({}),
  segmentSeconds: z.int().min(1).max(86_400).default(60),
  partMs: z.int().min(100).max(10_000).default(1000),
  /** The embedded engine's. */
  ffmpeg: z.string().optional(),
  mediamtx: z
    .strictObject({
      bin: z.string().min(1).default('mediamtx'),
      /** True: we start MediaMTX and keep it alive. False: a service manager does. */
      manage: z.boolean().default(true),
    })
    .prefault({}),
});

export type Settings = z.output<typeof Settings>;
