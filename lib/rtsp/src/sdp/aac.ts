import type { Track } from '../types.ts';

/** How AAC frames lie in a track's packets (RFC 3640 4.1). */
export interface AacConfig {
  /** AudioSpecificConfig, ISO/IEC 14496-3 1.6.2.1. */
  audioSpecificConfig: Buffer;
  /** Bits of the fields of an AU-header. */
  sizeLength: number;
  indexLength: number;
  indexDeltaLength: number;
}

/** The AAC parameters of a track; undefined when it is no AAC or they are missing or out of range. */
export function aacConfigOf({ codec, fmtp }: Track): AacConfig | undefined {
  const config = fmtp.get('config')?.replace(/^"|"$/g, '') ?? '';
  if (codec !== 'aac' || !/^(?:[0-9a-f]{2}){2,64}$/i.test(config)) return undefined;
  const bits = (key: string, fallback: number) => {
    const text = fmtp.get(key);
    return text !== undefined && /^\d{1,2}$/.test(text) ? Math.min(Number(text), 32) : fallback;
  };
  return {
    audioSpecificConfig: Buffer.from(config, 'hex'),
    sizeLength: bits('sizelength', 13),
    indexLength: bits('indexlength', 3),
    indexDeltaLength: bits('indexdeltalength', 3),
  };
}
