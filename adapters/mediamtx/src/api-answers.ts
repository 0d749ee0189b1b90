import type { TrackInfo } from '@opennvr/media';
import { z } from 'zod';
import { ApiError } from './unix-http.ts';

/**
 * A whole number. What is none counts as 0: sizes come from a camera's own words, and what one camera says must not
 * make the answer about all of them unusable, or a number that no message of ours can carry.
 */
const whole = (most: number) => z.int().nonnegative().max(most).catch(0);
const side = whole(65_535);
const count = whole(Number.MAX_SAFE_INTEGER);

/** Names before 1.17: `ready`, `tracks` as plain labels, `bytesReceived`. */
const Path = z.object({
  name: z.string(),
  ready: z.boolean().optional(),
  available: z.boolean().optional(),
  tracks: z.array(z.string()).nullish(),
  tracks2: z
    .array(
      z.object({
        codec: z.string(),
        codecProps: z
          .object({ width: side.optional(), height: side.optional(), muLaw: z.boolean().optional() })
          .nullish(),
      }),
    )
    .nullish(),
  bytesReceived: count.optional(),
  inboundBytes: count.optional(),
});

const ConfiguredPath = z.object({
  name: z.string(),
  source: z.string(),
  sourceFingerprint: z.string(),
  rtspTransport: z.string(),
  record: z.boolean(),
});

const Session = z.object({ id: z.uuid() });

/** A path as it is. */
export interface PathState {
  online: boolean;
  tracks: TrackInfo[];
  bytes: number;
}

/** Every path by its name. @throws ApiError when it is no such list. */
export function parsePaths(text: string): Map<string, PathState> {
  return new Map(items(text, Path).map((path) => [path.name, normalise(path)]));
}

/** What each path is configured to do, by its name. Contains credentials. @throws ApiError */
export function parsePathConfigs(text: string): Map<string, z.output<typeof ConfiguredPath>> {
  return new Map(items(text, ConfiguredPath).map((path) => [path.name, path]));
}

/** The ids of WebRTC sessions. @throws ApiError */
export function parseSessions(text: string): string[] {
  return items(text, Session).map(({ id }) => id);
}

function items<S extends z.ZodType>(text: string, item: S): z.output<S>[] {
  const parsed = z.object({ items: z.array(item).nullable() }).safeParse(parseJson(text));
  if (!parsed.success) throw new ApiError(parsed.error.issues[0]?.message ?? 'unusable answer');
  return parsed.data.items ?? [];
}

function normalise(path: z.output<typeof Path>): PathState {
  return {
    // `online` is true before the first connection (1.20.1); without `alwaysAvailable` these two mean what we ask.
    online: path.available ?? path.ready ?? false,
    tracks: path.tracks2
      ? path.tracks2.map((track) => ({
          codec: codecOf(track.codec, track.codecProps?.muLaw),
          width: track.codecProps?.width ?? 0,
          height: track.codecProps?.height ?? 0,
        }))
      : (path.tracks ?? []).map((label) => ({ codec: codecOf(label), width: 0, height: 0 })),
    bytes: path.inboundBytes ?? path.bytesReceived ?? 0,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const CODECS = new Map([
  ['H264', 'h264'],
  ['H265', 'h265'],
  ['MPEG-4 Audio', 'aac'],
  ['MPEG-4 Audio LATM', 'aac'],
  ['Opus', 'opus'],
]);

/** MediaMTX's label for a codec in this contract's words. G.711 has one label for both laws. */
function codecOf(label: string, muLaw?: boolean): string {
  if (label === 'G711') return muLaw === false ? 'pcma' : 'pcmu';
  return CODECS.get(label) ?? label.toLowerCase();
}
