import { type LiveSession, MediaError } from '@opennvr/media';
import { type AccessUnit, Packetizer, type Track, type VideoCodec } from '@opennvr/rtsp';
import { MediaStreamTrack, type RTCPeerConnection } from 'werift';
import type { Camera } from '../camera.ts';
import { isVideo } from '../tracks.ts';
import { advertise } from './answer.ts';
import { chooseVideoCodec } from './offer.ts';
import { newPeer } from './peer.ts';

export interface LiveSettings {
  /** First and last UDP port; one a session. */
  ports: [number, number];
  /** Addresses to give out; at least one. */
  hosts: string[];
}

/** Leaves room for SRTP, UDP and IP headers on any path that carries 1280 bytes. */
const MTU = 1200;
const LIVE_AUDIO = new Set(['opus', 'pcmu', 'pcma']);

interface Negotiated {
  peer: RTCPeerConnection;
  video: MediaStreamTrack;
  audio: MediaStreamTrack | undefined;
  answerSdp: string;
}

/**
 * Answers a WebRTC offer (RFC 9725, WHEP) with a camera's own pictures, not re-encoded.
 *
 * @param onEnd called when the session ends by itself.
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
  const chosen = chooseVideoCodec(offer, track.codec, profileOf(camera.format.parameterSets));
  const audioTrack = camera.tracks.find((t) => t.kind === 'audio' && LIVE_AUDIO.has(t.codec));
  const negotiated = await negotiate(chosen, track.codec, audioTrack, settings);
  const { peer, answerSdp } = negotiated;
  if (!camera.tracks.includes(track)) {
    await peer.close();
    throw new MediaError('unavailable', `camera ${camera.spec.id} went away`);
  }
  const unwatch = feed(camera, track.codec, negotiated, onEnd);
  let closed = false;
  peer.connectionStateChange.subscribe((state) => {
    if (!closed && (state === 'failed' || state === 'closed')) onEnd();
  });
  return {
    answerSdp,
    async close() {
      if (closed) return;
      closed = true;
      unwatch();
      await peer.close();
    },
  };
}

async function negotiate(
  offer: string,
  codec: VideoCodec,
  audioTrack: Track | undefined,
  settings: LiveSettings,
): Promise<Negotiated> {
  const peer = newPeer(codec, settings);
  try {
    const video = new MediaStreamTrack({ kind: 'video' });
    peer.addTransceiver(video, { direction: 'sendonly' });
    const wanted = audioTrack && new RegExp(`^a=rtpmap:\\d+ ${audioTrack.codec}/`, 'im').test(offer);
    const audio = wanted ? new MediaStreamTrack({ kind: 'audio' }) : undefined;
    if (audio) peer.addTransceiver(audio, { direction: 'sendonly' });
    await peer.setRemoteDescription({ type: 'offer', sdp: offer });
    await peer.setLocalDescription(await peer.createAnswer());
    const port = peer.iceTransports[0]?.connection.localCandidates[0]?.port;
    if (port === undefined)
      throw new MediaError('exhausted', `no free UDP port from ${settings.ports.join(' to ')}`);
    return {
      peer,
      video,
      audio,
      answerSdp: advertise(peer.localDescription?.sdp ?? '', settings.hosts, port),
    };
  } catch (error) {
    await peer.close();
    if (error instanceof MediaError) throw error;
    throw new MediaError('invalid', `offer_sdp: ${(error as Error).message}`, { cause: error });
  }
}

/** Sends from the first keyframe on that comes once the browser is connected. */
function feed(camera: Camera, codec: VideoCodec, session: Negotiated, onEnd: () => void): () => void {
  const { peer, video, audio } = session;
  // werift puts in its own payload type and SSRC.
  const packetizer = new Packetizer({ codec, payloadType: 96, ssrc: 0, mtu: MTU });
  let begun = false;
  return camera.watch({
    onAccessUnit(unit: AccessUnit) {
      if (peer.connectionState !== 'connected') return;
      begun ||= unit.keyframe;
      if (!begun) return;
      // Shorter than their header: the packetizer would refuse them, and there is nothing in them.
      const nalUnits = unit.nalUnits.filter((nal) => nal.length > 2);
      for (const packet of packetizer.packetize(nalUnits, unit.rtpTimestamp)) video.writeRtp(packet);
    },
    onAudio(buf, start, end) {
      if (peer.connectionState === 'connected') audio?.writeRtp(Buffer.from(buf.subarray(start, end)));
    },
    onEnd,
  });
}

/** `profile_idc` of an H.264 sequence parameter set as two hexadecimal digits. */
function profileOf(parameterSets: Buffer[]): string {
  const sps = parameterSets.find((set) => ((set[0] ?? 0) & 0x1f) === 7);
  return sps?.subarray(1, 2).toString('hex') ?? '42';
}
