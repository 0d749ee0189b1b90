import { z } from 'zod';
import { DEFAULT_CLIP } from './clip.ts';

const auth = z.strictObject({
  username: z.string().min(1).max(64),
  password: z.string().min(1).max(256),
  methods: z.array(z.enum(['basic', 'digest-md5', 'digest-sha256'])).min(1),
});

const camera = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/),
  codec: z.enum(['h264', 'h265']).default(DEFAULT_CLIP.codec),
  width: z.int().min(64).max(7680).multipleOf(2).default(DEFAULT_CLIP.width),
  height: z.int().min(64).max(4320).multipleOf(2).default(DEFAULT_CLIP.height),
  fps: z.int().min(1).max(120).default(DEFAULT_CLIP.fps),
  /** Frames from keyframe to keyframe. */
  gopFrames: z.int().min(1).max(600).default(DEFAULT_CLIP.gopFrames),
  audio: z.boolean().default(DEFAULT_CLIP.audio),
  /** Video bit rate in kbit/s; absent: constant quality. */
  kbps: z.int().min(16).max(100_000).optional(),
  /** The only way it sends RTP; both when absent. */
  transport: z.enum(['tcp', 'udp']).optional(),
  port: z.int().min(0).max(65_535).default(0),
  path: z
    .string()
    .regex(/^[A-Za-z0-9_./-]{1,200}$/)
    .default('live'),
  auth: auth.optional(),
});

/** Settings of `opennvr-simcam`. */
export const simcamSettings = z.strictObject({
  /** Path of ffmpeg; it makes each clip once. */
  ffmpeg: z.string().min(1).default('ffmpeg'),
  /** Folder that keeps the clips. */
  cacheDir: z.string().min(1),
  host: z.string().default('127.0.0.1'),
  cameras: z.array(camera).min(1).max(256),
});

export type SimcamSettings = z.output<typeof simcamSettings>;
export type SimcamCameraSettings = SimcamSettings['cameras'][number];
