import { MediaError } from '@opennvr/media';
import type { VideoCodec } from '@opennvr/rtsp';

const MIME = { h264: 'H264', h265: 'H265' } as const;

/**
 * Leaves one payload type in each video section of an offer: the one this camera's stream is sent as. For H.264
 * that is packetization mode 1 (RFC 6184 section 6.3), in the camera's own profile where the browser offers it.
 *
 * @param profile `profile_idc` of the stream in hexadecimal, two digits.
 * @throws MediaError INVALID_ARGUMENT when the browser does not offer the codec.
 */
export function chooseVideoCodec(offer: string, codec: VideoCodec, profile: string): string {
  // Not with the flag `m`: to it a line also begins behind U+2028.
  const sections = offer.split(/(?<=\n)(?=m=)/);
  let offered = false;
  const chosen = sections.map((section) => {
    if (!section.startsWith('m=video')) return section;
    const payloadType = choose(section, codec, profile);
    if (payloadType === undefined) return section;
    offered = true;
    return keepOnly(section, payloadType);
  });
  if (!offered)
    throw new MediaError(
      'invalid',
      `offer_sdp: the browser offers no ${MIME[codec]}, and this camera sends nothing else`,
    );
  return chosen.join('');
}

function choose(section: string, codec: VideoCodec, profile: string): string | undefined {
  const lines = section.split('\r\n');
  const types = lines.flatMap((line) => {
    const match = /^a=rtpmap:(\d+) ([^/]+)\/90000/i.exec(line);
    return match?.[1] && match[2]?.toUpperCase() === MIME[codec] ? [match[1]] : [];
  });
  if (codec === 'h265') return types[0];
  // Looked up, not searched for: an offer may hold thousands of lines.
  const parameters = new Map<string, string>();
  for (const line of lines) {
    const type = /^a=fmtp:(\S+) /.exec(line)?.[1];
    if (type !== undefined && !parameters.has(type)) parameters.set(type, line);
  }
  const fmtp = (type: string) => parameters.get(type) ?? '';
  const mode1 = types.filter((type) => /packetization-mode=1/.test(fmtp(type)));
  return mode1.find((type) => new RegExp(`profile-level-id=${profile}`, 'i').test(fmtp(type))) ?? mode1[0];
}

function keepOnly(section: string, payloadType: string): string {
  return section
    .split('\r\n')
    .filter((line) => {
      const attribute = /^a=(rtpmap|fmtp|rtcp-fb):(\d+|\*)/.exec(line);
      return !attribute || attribute[2] === payloadType || attribute[2] === '*';
    })
    .map((line) => line.replace(/^(m=video \d+ \S+) .*$/s, `$1 ${payloadType}`))
    .join('\r\n');
}
