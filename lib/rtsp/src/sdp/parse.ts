import { LIMITS, RtspError, type Track } from '../types.ts';
import { codecName, inferEncoding, STATIC_PAYLOADS } from './codecs.ts';
import { parameterSetsOf } from './sprop.ts';

export interface SessionDescription {
  tracks: Track[];
  /** Session-level `a=control` as given; '' when absent. */
  control: string;
}

/** Parameters in one `a=fmtp`; real ones have fewer than ten. */
const MAX_FMTP = 64;

interface Media {
  kind: Track['kind'];
  formats: number[];
  control: string;
  rtpmap: Map<number, string>;
  fmtp: Map<number, string>;
}

/**
 * Reads a session description (RFC 8866) as cameras write it: any line ending, stray white space, missing `rtpmap`
 * of static payload types, lines unknown to us.
 *
 * @throws RtspError `limit` beyond `LIMITS.body` or `LIMITS.tracks`, `protocol` when it is no session description.
 */
export function parseSdp(text: string): SessionDescription {
  if (text.length > LIMITS.body) {
    throw new RtspError(
      'limit',
      `a session description of ${text.length} characters, more than ${LIMITS.body}`,
    );
  }
  let recognized = false;
  let control = '';
  const media: Media[] = [];
  for (const line of text.split(/[\r\n]+/)) {
    const match = /^\s*([a-z])\s*=(.*)$/s.exec(line);
    if (!match) continue;
    recognized = true;
    const value = (match[2] ?? '').trim();
    const current = media.at(-1);
    if (match[1] === 'm') {
      if (media.length === LIMITS.tracks) {
        throw new RtspError('limit', `a session description of more than ${LIMITS.tracks} tracks`);
      }
      media.push(parseMedia(value));
    } else if (match[1] === 'a') {
      const attribute = parseAttribute(value);
      if (current) addAttribute(current, attribute);
      else if (attribute.name === 'control') control = attribute.value;
    }
  }
  if (!recognized) throw new RtspError('protocol', 'not a session description');
  return { tracks: media.map(toTrack), control };
}

/** `video 0 RTP/AVP 96 97` */
function parseMedia(value: string): Media {
  const [kind = '', , , ...formats] = value.split(/\s+/);
  return {
    kind: kind === 'video' || kind === 'audio' ? kind : 'other',
    formats: formats
      .slice(0, 128)
      .map(payloadType)
      .filter((type) => type >= 0),
    control: '',
    rtpmap: new Map(),
    fmtp: new Map(),
  };
}

function parseAttribute(value: string): { name: string; value: string } {
  const colon = value.indexOf(':');
  if (colon < 0) return { name: value.toLowerCase(), value: '' };
  return { name: value.slice(0, colon).trim().toLowerCase(), value: value.slice(colon + 1).trim() };
}

function addAttribute(media: Media, { name, value }: { name: string; value: string }): void {
  if (name === 'control') media.control = value;
  if (name !== 'rtpmap' && name !== 'fmtp') return;
  const [, type = '', rest = ''] = /^(\d+)\s*(.*)$/s.exec(value) ?? [];
  const format = payloadType(type);
  if (format >= 0) media[name].set(format, rest.trim());
}

/** 0 to 127, -1 when it is none. */
function payloadType(text: string): number {
  return /^\d{1,3}$/.test(text) && Number(text) < 128 ? Number(text) : -1;
}

function toTrack(media: Media, index: number): Track {
  const { kind, control } = media;
  // Some cameras list formats that they describe nowhere, or describe one that they do not list.
  const described = [...media.rtpmap.keys()];
  const payload =
    media.formats.find((type) => media.rtpmap.has(type)) ?? media.formats[0] ?? described[0] ?? 0;
  const fmtp = parseFmtp(
    media.fmtp.get(payload) ?? (media.fmtp.size === 1 ? [...media.fmtp.values()][0] : ''),
  );
  const listed = media.formats.includes(payload) ? STATIC_PAYLOADS.get(payload) : undefined;
  const encoding = media.rtpmap.get(payload) ?? listed ?? inferEncoding(kind, fmtp);
  const [name = '', rate = '', channels = ''] = encoding.split('/').map((part) => part.trim());
  const codec = codecName(name);
  return {
    index,
    kind,
    codec,
    payloadType: payload,
    clockRate: positive(rate) || (kind === 'audio' ? 8000 : 90_000),
    channels: Math.min(positive(channels), 255),
    control,
    fmtp,
    parameterSets: codec === 'h264' || codec === 'h265' ? parameterSetsOf(codec, fmtp) : {},
  };
}

function positive(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

function parseFmtp(text = ''): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const part of text.split(';', MAX_FMTP)) {
    const equals = part.indexOf('=');
    const key = (equals < 0 ? part : part.slice(0, equals)).trim().toLowerCase();
    if (key !== '') parameters.set(key, equals < 0 ? '' : part.slice(equals + 1).trim());
  }
  return parameters;
}
