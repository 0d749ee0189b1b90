import { compareVersions, type Version } from './version.ts';

/**
 * Which of the keys we write exist in which version of MediaMTX. A key that a version does not know makes it exit,
 * so this table is the only place a key's life is told. From the `mediamtx.yml` of every release from 1.15.0 to 1.20.1.
 * Keys that are not listed have been there since before 1.15.0.
 */
const LIVES: Readonly<Record<string, { since?: Version; before?: Version }>> = {
  apiAllowOrigin: { before: [1, 15, 4] },
  apiAllowOrigins: { since: [1, 15, 4] },
  webrtcAllowOrigin: { before: [1, 15, 4] },
  webrtcAllowOrigins: { since: [1, 15, 4] },
  rtspUDPReadBufferSize: { before: [1, 15, 4] },
  udpReadBufferSize: { since: [1, 15, 4] },
  rtspUDPSourcePortRange: { since: [1, 16, 0] },
  alwaysAvailable: { since: [1, 16, 0] },
  dumpPackets: { since: [1, 17, 0] },
  moq: { since: [1, 19, 0] },
  forward: { since: [1, 20, 0] },
};

export function hasKey(version: Version, key: string): boolean {
  const life = LIVES[key];
  if (!life) return true;
  return (
    (life.since === undefined || compareVersions(version, life.since) >= 0) &&
    (life.before === undefined || compareVersions(version, life.before) < 0)
  );
}

/** A copy with only the keys this version knows, in the given order. */
export function keysFor(version: Version, all: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([key]) => hasKey(version, key)));
}
