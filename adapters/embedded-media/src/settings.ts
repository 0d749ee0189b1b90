import { z } from 'zod';

const absolute = z.string().startsWith('/', 'expected an absolute path');
const port = z.int().min(1).max(65_535);

/** Ports the engine may use for WebRTC, from `webrtc.udpPort` on: one a session. */
export const UDP_PORTS = 64;

export const settingsSchema = z.strictObject({
  socketPath: absolute,
  stateDir: absolute,
  recordingsDir: absolute,
  runDir: absolute,
  rtsp: z.strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).max(65_535) }),
  webrtc: z.strictObject({
    udpPort: port.max(65_535 - UDP_PORTS),
    /** IPv4 addresses to tell browsers; nothing else is ever told. */
    hosts: z.array(z.ipv4()).default([]),
    /** Interfaces whose IPv4 addresses are told besides. */
    interfaces: z.array(z.string().min(1)).optional(),
  }),
  segmentSeconds: z.int().min(1).max(3600).default(60),
  partMs: z.int().min(100).max(10_000).default(1000),
  /** Default: `FFMPEG_BIN`, then PATH. */
  ffmpeg: z.string().min(1).optional(),
});

export type Settings = z.output<typeof settingsSchema>;
