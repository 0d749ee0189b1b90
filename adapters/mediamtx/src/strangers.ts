import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { CameraSpec } from '@opennvr/media';
import type { OpenSocket } from './sockets.ts';

const RTSP_PORT = 554;
const RTSPS_PORT = 322;

/** Names are looked up again after this. */
const NAMES_LAST_MS = 30_000;

/** Host and port a camera's URL names; the defaults are MediaMTX's. */
export function hostOf(url: string): { host: string; port: number } {
  const { protocol, hostname, port } = new URL(url);
  const fallback = protocol === 'rtsps:' ? RTSPS_PORT : RTSP_PORT;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? fallback : Number(port) };
}

/** Where each camera may be reached: its address, or all that its name stands for. */
export class CameraAddresses {
  readonly #resolve: (host: string) => Promise<string[]>;
  readonly #names = new Map<string, string[]>();
  #lookedUpAt = Number.NEGATIVE_INFINITY;

  constructor(resolve: (host: string) => Promise<string[]> = resolveAll) {
    this.#resolve = resolve;
  }

  /** Looks names up that are new or old; one that cannot be found keeps what it had. @param now monotonic ms */
  async refresh(cameras: readonly CameraSpec[], now: number): Promise<void> {
    const names = new Set(cameras.map(({ url }) => hostOf(url).host).filter((host) => isIP(host) === 0));
    for (const name of this.#names.keys()) if (!names.has(name)) this.#names.delete(name);
    const old = now - this.#lookedUpAt >= NAMES_LAST_MS;
    if (old) this.#lookedUpAt = now;
    const wanted = [...names].filter((name) => old || !this.#names.has(name));
    await Promise.all(
      wanted.map(async (name) => {
        const found = await this.#resolve(name);
        if (found.length > 0) this.#names.set(name, found);
      }),
    );
  }

  /** `10.0.0.5:554`; empty for a name nobody knows. */
  of(camera: CameraSpec): string[] {
    const { host, port } = hostOf(camera.url);
    const addresses = isIP(host) === 0 ? (this.#names.get(host) ?? []) : [host];
    return addresses.map((address) => `${address}:${port}`);
  }
}

async function resolveAll(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // Not to be found now; MediaMTX does not find it either.
    return [];
  }
}

/**
 * Finds out who led MediaMTX astray. It follows RTSP redirects, and a camera can redirect MediaMTX alone and answer
 * our own question innocently. But then MediaMTX has a connection to somebody else, a stranger or another camera,
 * and none to the camera that is online.
 *
 * @param rtspPort ours: connections to it are readers
 * @returns peers that are no camera's, and the online cameras without a connection of their own
 */
export function strangers(
  sockets: readonly OpenSocket[],
  rtspPort: number,
  cameras: readonly CameraSpec[],
  online: ReadonlySet<string>,
  addresses: CameraAddresses,
): { peers: string[]; misled: string[] } {
  const connections = new Map<string, number>();
  for (const { kind, peer, port } of sockets) {
    if (kind !== 'tcp' || peer === '' || port === rtspPort) continue;
    connections.set(peer, (connections.get(peer) ?? 0) + 1);
  }
  const known = new Set(cameras.flatMap((camera) => addresses.of(camera)));
  const peers = [...connections.keys()].filter((peer) => !known.has(peer));
  // Nothing to go by: MediaMTX runs where we cannot see its connections.
  if (connections.size === 0) return { peers, misled: [] };
  // A camera may also be sent to another camera, so that nobody is a stranger and one has a connection too many.
  // Streams of one device share an address, so that connections have to be counted.
  const needed = new Map<string, string[]>();
  for (const camera of cameras) {
    const at = addresses.of(camera);
    if (online.has(camera.id) && at.length > 0)
      needed.set(at.join(), [...(needed.get(at.join()) ?? []), camera.id]);
  }
  const misled: string[] = [];
  for (const [at, ids] of needed) {
    const there = at.split(',').reduce((sum, address) => sum + (connections.get(address) ?? 0), 0);
    if (there < ids.length) misled.push(...ids);
  }
  return { peers, misled };
}
