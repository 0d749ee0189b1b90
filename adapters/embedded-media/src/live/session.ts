import type { LiveSession } from '@opennvr/media';
import { MediaError } from '@opennvr/media';
import { type AccessUnit, Packetizer } from '@opennvr/rtsp';
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, useOPUS, usePCMU } from 'werift';
import type { Camera } from '../camera.ts';
import { isVideo } from '../tracks.ts';
import { advertise } from './answer.ts';
import { chooseVideoCodec } from './offer.ts';

export interface LiveSettings {
  /** First and last UDP port; one a session. */
  ports: [number, number];
  /** Addresses to give out; at least one. */
  hosts: string[];
}

/** Leaves room for SRTP, UDP and IP headers on any path that carries the Internet's usual 1280 bytes. */
const MTU = 1200;
const LIVE_AUDIO = new Set(['opus', 'pcmu', 'pcma']);

/**
 * Answers a WebRTC offer (RFC 9725, WHEP) with a camera's own pictures, not re-encoded.
 *
 * @throws MediaError when the offer cannot be answered.
 */
export async function openLive(
  camera: Camera,
  offer: string,
  settings: LiveSettings,
  onEnd: () => void,
): Promise<LiveSession> {
  const track = camera.tracks.find(isVideo);
  if (!track || !camera.format)
    throw new MediaError('unavailable', `camera ${camera.spec.id} has sent no picture yet`);
  const sps = camera.format.parameterSets.find(
    (set) => track.codec === 'h264' && ((set[0] ?? 0) & 0x1f) === 7,
  );
  const profile = sps?.subarray(1, 2).toString('hex') ?? '42';
  const chosen = chooseVideoCodec(offer, track.codec, profile);

  const audioTrack = camera.tracks.find((t) => t.kind === 'audio' && LIVE_AUDIO.has(t.codec));
  const peer = newPeer(track.codec, settings);
  const video = new MediaStreamTrack({ kind: 'video' });
  const audio = new MediaStreamTrack({ kind: 'audio' });
  let answer: string;
  try {
    peer.addTransceiver(video, { direction: 'sendonly' });
    if (audioTrack && offersAudio(chosen, audioTrack.codec))
      peer.addTransceiver(audio, { direction: 'sendonly' });
    await peer.setRemoteDescription({ type: 'offer', sdp: chosen });
    await peer.setLocalDescription(await peer.createAnswer());
    answer = peer.localDescription?.sdp ?? '';
  } catch (error) {
    await peer.close();
    throw new MediaError('invalid', `offer_sdp: ${(error as Error).message}`, { cause: error });
  }
  const port = peer.iceTransports[0]?.connection.localCandidates[0]?.port;
  if (port === undefined) {
    await peer.close();
    throw new MediaError('exhausted', `no free UDP port from ${settings.ports.join(' to ')}`);
  }

  const packetizer = new Packetizer({ codec: track.codec, payloadType: 96, ssrc: video.ssrc ?? 0, mtu: MTU });
  let begun = false;
  let closed = false;
  const close = async () => {
    if (closed) return;
    closed = true;
    unwatch();
    await peer.close();
  };
  const unwatch = camera.watch({
    onAccessUnit(unit: AccessUnit) {
      if (peer.connectionState !== 'connected') return;
      begun ||= unit.keyframe;
      if (!begun) return;
      const nalUnits = unit.nalUnits.filter((nal) => nal.length > 2);
      for (const packet of packetizer.packetize(nalUnits, unit.rtpTimestamp)) video.writeRtp(packet);
    },
    onAudio(buf, start, end) {
      if (audioTrack && peer.connectionState === 'connected')
        audio.writeRtp(Buffer.from(buf.subarray(start, end)));
    },
    onEnd,
  });
  peer.connectionStateChange.subscribe((state) => {
    if (!closed && (state === 'failed' || state === 'closed')) onEnd();
  });
  return { answerSdp: advertise(answer, settings.hosts, port), close };
}

function newPeer(codec: 'h264' | 'h265', { ports, hosts }: LiveSettings): RTCPeerConnection {
  const loopbackOnly = hosts.every((host) => host.startsWith('127.'));
  return new RTCPeerConnection({
    // ICE-lite (RFC 8445 section 2.5): we answer checks and send none, so no flow is ever opened from here.
    iceLite: true,
    iceServers: [],
    icePortRange: ports,
    // One socket a session, whatever interfaces there are; its candidate is replaced in the answer.
    iceUseIpv4: false,
    iceUseIpv6: false,
    iceAdditionalHostAddresses: [hosts[0] ?? '127.0.0.1'],
    iceInterfaceAddresses: { udp4: loopbackOnly ? '127.0.0.1' : '0.0.0.0' },
    codecs: {
      video: [new RTCRtpCodecParameters({ mimeType: `video/${codec.toUpperCase()}`, clockRate: 90_000 })],
      audio: [
        useOPUS(),
        usePCMU(),
        new RTCRtpCodecParameters({ mimeType: 'audio/PCMA', clockRate: 8000, payloadType: 8 }),
      ],
    },
  });
}

function offersAudio(offer: string, codec: string): boolean {
  return /^m=audio /m.test(offer) && new RegExp(`^a=rtpmap:\\d+ ${codec}/`, 'im').test(offer);
}
