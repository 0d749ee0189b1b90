import type { VideoCodec } from '@opennvr/rtsp';
import { RTCPeerConnection, RTCRtpCodecParameters, useOPUS, usePCMU } from 'werift';

/** Our end of one WebRTC session, set up so that it opens one UDP socket and speaks only when spoken to. */
export function newPeer(
  codec: VideoCodec,
  { ports, hosts }: { ports: [number, number]; hosts: string[] },
): RTCPeerConnection {
  const loopbackOnly = hosts.every((host) => host.startsWith('127.'));
  return new RTCPeerConnection({
    // ICE-lite (RFC 8445 section 2.5): we answer checks and send none, so no flow is ever opened from here.
    iceLite: true,
    // werift would ask a public STUN server otherwise.
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
