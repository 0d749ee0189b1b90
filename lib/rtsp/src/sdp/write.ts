import { RtspError, type Track } from '../types.ts';
import { encodingName } from './codecs.ts';
import { spropOf } from './sprop.ts';

export interface SdpInput {
  tracks: readonly Track[];
  /** Session-level `a=control`; `*` when not given. */
  control?: string;
  /** Session name; `OpenNVR` when not given. */
  name?: string;
  /** Changes whenever the description does (RFC 8866 5.2); 0 when not given. */
  sessionId?: number;
}

/**
 * Writes a session description (RFC 8866). Parameter sets go into `fmtp` unless it has them already.
 *
 * @throws RtspError `protocol` when a value holds a line break.
 */
export function writeSdp({ tracks, control = '*', name = 'OpenNVR', sessionId = 0 }: SdpInput): string {
  const lines = [
    'v=0',
    `o=- ${sessionId} ${sessionId} IN IP4 0.0.0.0`,
    `s=${name || '-'}`,
    'c=IN IP4 0.0.0.0',
    't=0 0',
    `a=control:${control}`,
    ...tracks.flatMap(mediaSection),
  ];
  if (lines.some((line) => /[\r\n\0]/.test(line))) {
    throw new RtspError('protocol', 'a line break in a value of a session description');
  }
  return `${lines.join('\r\n')}\r\n`;
}

function mediaSection(track: Track): string[] {
  const { payloadType, codec } = track;
  const kind = track.kind === 'other' ? 'application' : track.kind;
  const channels = track.channels > 0 ? `/${track.channels}` : '';
  const lines = [
    `m=${kind} 0 RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} ${encodingName(codec)}/${track.clockRate}${channels}`,
  ];
  const fmtp = new Map(track.fmtp);
  if (codec === 'h264' || codec === 'h265') {
    if (codec === 'h264' && !fmtp.has('packetization-mode')) fmtp.set('packetization-mode', '1');
    for (const [key, value] of spropOf(codec, track.parameterSets)) if (!fmtp.has(key)) fmtp.set(key, value);
  }
  if (fmtp.size > 0) {
    const parameters = [...fmtp].map(([key, value]) => (value === '' ? key : `${key}=${value}`));
    lines.push(`a=fmtp:${payloadType} ${parameters.join('; ')}`);
  }
  if (track.control !== '') lines.push(`a=control:${track.control}`);
  return lines;
}
