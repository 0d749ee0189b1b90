import { type AudioFormat, type Block, type Format, TICKS_PER_SECOND, type VideoFormat } from './format.ts';

/**
 * The stream we hand to ffmpeg: Matroska (RFC 9559) with one block a cluster, as plain as the format allows.
 * It carries every codec cameras use with its timestamps, and over a pipe nothing is lost or guessed.
 */
const ID = {
  ebml: 0x1a45dfa3,
  docType: 0x4282,
  docTypeVersion: 0x4287,
  docTypeReadVersion: 0x4285,
  segment: 0x18538067,
  info: 0x1549a966,
  timestampScale: 0x2ad7b1,
  muxingApp: 0x4d80,
  writingApp: 0x5741,
  tracks: 0x1654ae6b,
  trackEntry: 0xae,
  trackNumber: 0xd7,
  trackUid: 0x73c5,
  trackType: 0x83,
  flagLacing: 0x9c,
  codecId: 0x86,
  codecPrivate: 0x63a2,
  video: 0xe0,
  pixelWidth: 0xb0,
  pixelHeight: 0xba,
  audio: 0xe1,
  samplingFrequency: 0xb5,
  channels: 0x9f,
  cluster: 0x1f43b675,
  timestamp: 0xe7,
  simpleBlock: 0xa3,
} as const;

const UNKNOWN_SIZE = Buffer.from('01ffffffffffffff', 'hex');
const KEYFRAME = 0x80;
const START_CODE = Buffer.from([0, 0, 0, 1]);
const TRACK = { video: 1, audio: 2 } as const;

/** EBML header, segment opening and track list. */
export function matroskaHeader(format: Format): Buffer {
  const tracks = [videoTrack(format.video)];
  if (format.audio) tracks.push(audioTrack(format.audio));
  return Buffer.concat([
    element(
      ID.ebml,
      text(ID.docType, 'matroska'),
      number(ID.docTypeVersion, 4),
      number(ID.docTypeReadVersion, 2),
    ),
    id(ID.segment),
    UNKNOWN_SIZE,
    element(
      ID.info,
      number(ID.timestampScale, 1_000_000_000 / TICKS_PER_SECOND),
      text(ID.muxingApp, 'opennvr'),
      text(ID.writingApp, 'opennvr'),
    ),
    element(ID.tracks, ...tracks),
  ]);
}

/** One block in a cluster of its own, so that its timestamp is absolute. */
export function matroskaBlock(block: Block): Buffer {
  const head = Buffer.of(0x80 | TRACK[block.track], 0, 0, block.keyframe ? KEYFRAME : 0);
  return element(ID.cluster, number(ID.timestamp, block.time), element(ID.simpleBlock, head, block.data));
}

function videoTrack(video: VideoFormat): Buffer {
  return element(
    ID.trackEntry,
    number(ID.trackNumber, TRACK.video),
    number(ID.trackUid, TRACK.video),
    number(ID.trackType, 1),
    number(ID.flagLacing, 0),
    text(ID.codecId, video.codec === 'h264' ? 'V_MPEG4/ISO/AVC' : 'V_MPEGH/ISO/HEVC'),
    // Annex B here and in the blocks: ffmpeg's MP4 muxer turns both into the length-prefixed form.
    element(ID.codecPrivate, ...video.parameterSets.flatMap((nal) => [START_CODE, nal])),
    element(ID.video, number(ID.pixelWidth, video.width), number(ID.pixelHeight, video.height)),
  );
}

function audioTrack(audio: AudioFormat): Buffer {
  const frequency = Buffer.alloc(8);
  frequency.writeDoubleBE(audio.sampleRate);
  const codec = { aac: 'A_AAC', opus: 'A_OPUS', pcma: 'A_MS/ACM', pcmu: 'A_MS/ACM' }[audio.codec];
  return element(
    ID.trackEntry,
    number(ID.trackNumber, TRACK.audio),
    number(ID.trackUid, TRACK.audio),
    number(ID.trackType, 2),
    number(ID.flagLacing, 0),
    text(ID.codecId, codec),
    element(ID.codecPrivate, audioPrivate(audio)),
    element(ID.audio, element(ID.samplingFrequency, frequency), number(ID.channels, audio.channels)),
  );
}

function audioPrivate(audio: AudioFormat): Buffer {
  switch (audio.codec) {
    case 'aac':
      return audio.config;
    case 'opus': {
      // OpusHead, RFC 7845 section 5.1.
      const head = Buffer.alloc(19);
      head.write('OpusHead');
      head[8] = 1;
      head[9] = audio.channels;
      head.writeUInt32LE(48_000, 12);
      return head;
    }
    default: {
      // WAVEFORMATEX: A-law is 6, µ-law is 7.
      const wave = Buffer.alloc(18);
      wave.writeUInt16LE(audio.codec === 'pcma' ? 6 : 7, 0);
      wave.writeUInt16LE(audio.channels, 2);
      wave.writeUInt32LE(audio.sampleRate, 4);
      wave.writeUInt32LE(audio.sampleRate * audio.channels, 8);
      wave.writeUInt16LE(audio.channels, 12);
      wave.writeUInt16LE(8, 14);
      return wave;
    }
  }
}

function id(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}

function element(name: number, ...parts: Buffer[]): Buffer {
  const size = Buffer.alloc(8);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  size.writeUIntBE(length, 2, 6);
  size[0] = 0x01;
  return Buffer.concat([id(name), size, ...parts]);
}

function number(name: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.round(value))));
  return element(name, bytes);
}

function text(name: number, value: string): Buffer {
  return element(name, Buffer.from(value));
}
