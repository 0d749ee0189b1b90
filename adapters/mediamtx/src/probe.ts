import type { CameraSpec, TrackInfo } from '@opennvr/media';
import { type Clock, parseSps, probeRtsp, type Random, RtspError, type Track } from '@opennvr/rtsp';
import type { Probe } from './prober.ts';

/** One DESCRIBE of our own, which refuses to be redirected. */
export function rtspProbe(clock: Clock, random: Random): Probe {
  return async (camera: Pick<CameraSpec, 'url' | 'username' | 'password' | 'tlsFingerprint'>) => {
    const { url, username, password, tlsFingerprint } = camera;
    const { tracks } = await probeRtsp({
      url,
      clock,
      random,
      ...(username === '' ? {} : { username, password }),
      ...(tlsFingerprint === '' ? {} : { tlsFingerprint }),
    });
    return tracks.filter((track) => track.kind !== 'other').map(trackInfo);
  };
}

function trackInfo(track: Track): TrackInfo {
  return { codec: track.codec, ...pictureSize(track) };
}

/** Out of the session description; 0 where it has no (usable) sequence parameter set. */
function pictureSize({ codec, parameterSets }: Track): { width: number; height: number } {
  const unknown = { width: 0, height: 0 };
  if ((codec !== 'h264' && codec !== 'h265') || !parameterSets.sps) return unknown;
  try {
    const { width, height } = parseSps(codec, parameterSets.sps);
    return { width, height };
  } catch (error) {
    if (error instanceof RtspError) return unknown;
    throw error;
  }
}
