import { splitAnnexB } from '../bitstream/annexb.ts';
import { nalType, parameterSetKind } from '../bitstream/nal.ts';
import { type ParameterSets, RtspError, type Track, type VideoCodec } from '../types.ts';

/** Parameter sets taken from one description. */
const MAX_SETS = 32;
const H265_KEYS = ['sprop-vps', 'sprop-sps', 'sprop-pps'];

/**
 * Parameter sets out of `fmtp`: `sprop-parameter-sets` (RFC 6184 8.1) or `sprop-vps`, `-sps`, `-pps` (RFC 7798 7.1).
 * What each is, its own NAL type says: cameras mix up the order and leave start codes in.
 */
export function parameterSetsOf(codec: VideoCodec, fmtp: ReadonlyMap<string, string>): ParameterSets {
  const keys = codec === 'h264' ? ['sprop-parameter-sets'] : H265_KEYS;
  const encoded = keys.flatMap((key) => (fmtp.get(key) ?? '').split(',', MAX_SETS));
  const sets: ParameterSets = {};
  const more: Buffer[] = [];
  for (const nal of encoded.flatMap(decode).slice(0, MAX_SETS)) {
    const kind = parameterSetKind(codec, nalType(codec, nal));
    if (kind === undefined) continue;
    if (sets[kind]) more.push(nal);
    else sets[kind] = nal;
  }
  return more.length > 0 ? { ...sets, more } : sets;
}

/** The `fmtp` parameters for parameter sets, as pairs; none when there are no sets. */
export function spropOf(codec: VideoCodec, { vps, sps, pps, more = [] }: ParameterSets): [string, string][] {
  const all = [vps, sps, pps, ...more].filter((nal) => nal !== undefined);
  const encode = (nals: Buffer[]) => nals.map((nal) => nal.toString('base64')).join(',');
  const pairs: [string, string][] =
    codec === 'h264'
      ? [['sprop-parameter-sets', encode(all)]]
      : H265_KEYS.map((key) => {
          const kind = key.slice('sprop-'.length);
          return [key, encode(all.filter((nal) => parameterSetKind(codec, nalType(codec, nal)) === kind))];
        });
  return pairs.filter(([, value]) => value !== '');
}

/**
 * The codec of a track whose packets `AccessUnitAssembler` understands.
 *
 * @throws RtspError `unsupported`, naming what is asked for: another codec, interleaved packets (RFC 6184
 * packetization-mode 2), decoding order numbers (RFC 7798 sprop-max-don-diff) or several streams (tx-mode).
 */
export function videoCodecOf(track: Track): VideoCodec {
  const { codec, fmtp } = track;
  if (codec !== 'h264' && codec !== 'h265') {
    throw new RtspError('unsupported', `video codec ${JSON.stringify(codec.slice(0, 32))}`);
  }
  if (codec === 'h264' && fmtp.get('packetization-mode') === '2') {
    throw new RtspError('unsupported', 'H.264 packetization-mode 2 (interleaved)');
  }
  if (codec === 'h265' && Number(fmtp.get('sprop-max-don-diff') ?? 0) > 0) {
    throw new RtspError('unsupported', 'H.265 decoding order numbers (sprop-max-don-diff)');
  }
  const txMode = fmtp.get('tx-mode')?.toUpperCase() ?? 'SRST';
  if (codec === 'h265' && txMode !== 'SRST') {
    throw new RtspError('unsupported', 'H.265 over several RTP streams (tx-mode)');
  }
  return codec;
}

function decode(base64: string): Buffer[] {
  const nal = Buffer.from(base64, 'base64');
  const withStartCode = nal[0] === 0 && nal[1] === 0;
  return withStartCode ? splitAnnexB(nal) : nal.length > 0 ? [nal] : [];
}
