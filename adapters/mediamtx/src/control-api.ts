import type { TrackInfo } from '@opennvr/media';
import { z } from 'zod';
import type { PathConfig } from './config.ts';
import { basicAuthorization, type User } from './secrets.ts';
import { ApiError, UnixHttp } from './unix-http.ts';

const count = z.number().nonnegative();

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
          .object({ width: count.optional(), height: count.optional(), muLaw: z.boolean().optional() })
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

/** Everything fits on one page: there are at most 256 paths and 64 sessions. */
const PAGE = 'itemsPerPage=1000&page=0';

/**
 * The part of MediaMTX's control API (v3) we use, the same for every version. Answers are checked, since the process
 * that gives them reads bytes from cameras.
 */
export class ControlApi {
  readonly #http: UnixHttp;

  constructor(socketPath: string, user: User) {
    this.#http = new UnixHttp(socketPath, basicAuthorization(user));
  }

  async paths(): Promise<Map<string, PathState>> {
    const items = await this.#list('/v3/paths/list', Path);
    return new Map(items.map((path) => [path.name, normalise(path)]));
  }

  /** What each path is configured to do. Contains credentials. */
  async pathConfigs(): Promise<Map<string, z.output<typeof ConfiguredPath>>> {
    const items = await this.#list('/v3/config/paths/list', ConfiguredPath);
    return new Map(items.map((path) => [path.name, path]));
  }

  /** Creates the path or makes it be exactly this. */
  async replacePath(name: string, config: PathConfig): Promise<void> {
    await this.#ok('POST', `/v3/config/paths/replace/${name}`, JSON.stringify(config));
  }

  async deletePath(name: string): Promise<void> {
    await this.#ok('DELETE', `/v3/config/paths/delete/${name}`, undefined, 404);
  }

  async webrtcSessions(): Promise<string[]> {
    return (await this.#list('/v3/webrtcsessions/list', Session)).map((session) => session.id);
  }

  /** Ends a session; one that is already over is fine. */
  async kickWebrtc(id: string): Promise<void> {
    await this.#ok('POST', `/v3/webrtcsessions/kick/${id}`, undefined, 404);
  }

  close(): void {
    this.#http.close();
  }

  async #list<S extends z.ZodType>(path: string, item: S): Promise<z.output<S>[]> {
    const reply = await this.#ok('GET', `${path}?${PAGE}`);
    const parsed = z.object({ items: z.array(item).nullable() }).safeParse(parseJson(reply));
    if (!parsed.success)
      throw new ApiError(`GET ${path}: ${parsed.error.issues[0]?.message ?? 'unusable answer'}`);
    return parsed.data.items ?? [];
  }

  async #ok(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: string,
    alsoFine?: number,
  ): Promise<string> {
    const reply = await this.#http.call({ method, path, ...(body === undefined ? {} : { body }) });
    if (reply.status !== 200 && reply.status !== alsoFine) {
      // The body may repeat the configuration, and with it credentials.
      throw new ApiError(`${method} ${path}: status ${reply.status}`, reply.status);
    }
    return reply.body;
  }
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
