import { type Clock, sleep } from '@opennvr/service';
import { layout, type PlannedCamera, RTP_PORTS } from './config.ts';
import { hasKey } from './config-keys.ts';
import type { Settings } from './settings.ts';
import { describeSocket, type OpenSocket } from './sockets.ts';
import type { Version } from './version.ts';

/** Before 1.16 the ports cannot be chosen: the RTSP library takes any from here on. */
const OLD_RTP_PORTS = [10_000, 65_535] as const;
/** Tracks of one camera (RFC 8866 sets no bound; cameras have two) times RTP and RTCP. */
const UDP_PER_CAMERA = 8;

/**
 * Which of these sockets MediaMTX must not have. What it listens on is told to the last one. RTP that cameras send
 * over UDP needs sockets without a peer: those are allowed in their port range, as many as the cameras explain.
 *
 * @returns descriptions; empty when all is as it should be
 */
export function forbiddenSockets(
  sockets: readonly OpenSocket[],
  settings: Settings,
  version: Version,
  cameras: readonly PlannedCamera[],
): string[] {
  const { apiSocket, whepSocket } = layout(settings);
  const [first, last] = rtpPorts(version);
  let rtpLeft =
    cameras.filter((camera) => camera.held === '' && camera.via === 'udp').length * UDP_PER_CAMERA;
  return sockets
    .filter((socket) => {
      if (!socket.listening) return false;
      if (socket.kind === 'tcp')
        return socket.address !== settings.rtsp.host || socket.port !== settings.rtsp.port;
      if (socket.kind === 'unix') return socket.address !== apiSocket && socket.address !== whepSocket;
      if (socket.kind !== 'udp') return true;
      if (socket.port === settings.webrtc.udpPort) return false;
      const rtp = socket.port >= first && socket.port <= last && rtpLeft > 0;
      if (rtp) rtpLeft -= 1;
      return !rtp;
    })
    .map(describeSocket);
}

/** What MediaMTX listens on, without the passing sockets of RTP from cameras. */
export function listeners(sockets: readonly OpenSocket[], settings: Settings, version: Version): string[] {
  const [first, last] = rtpPorts(version);
  const isRtp = ({ kind, port }: OpenSocket) =>
    kind === 'udp' && port >= first && port <= last && port !== settings.webrtc.udpPort;
  return sockets
    .filter((socket) => socket.listening && !isRtp(socket))
    .map(describeSocket)
    .sort();
}

function rtpPorts(version: Version): readonly [number, number] {
  return hasKey(version, 'rtspUDPSourcePortRange') ? RTP_PORTS : OLD_RTP_PORTS;
}

/** MediaMTX has a socket open that it must not have. */
export class ListenerError extends Error {
  override name = 'ListenerError';
}

const CLOSING_MS = 2000;

/** Forbidden sockets that stay: those of what has just ended take a moment to close. */
export async function settledSockets(forbidden: () => string[], clock: Clock): Promise<string[]> {
  const deadline = clock.monotonic() + CLOSING_MS;
  for (;;) {
    const bad = forbidden();
    if (bad.length === 0 || clock.monotonic() > deadline) return bad;
    await sleep(clock, 100);
  }
}
