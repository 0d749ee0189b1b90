import { MediaError, stripCandidates } from '@opennvr/media';
import { type FuzzTarget, magnitude, outcomeOf, promise, words } from '@opennvr/tests/fuzz';
import { AacDepacketizer } from '../src/aac.ts';
import { advertise } from '../src/live/answer.ts';
import { chooseVideoCodec } from '../src/live/offer.ts';
import { FragmentError, FragmentParser } from '../src/recorder/fragments.ts';
import { FRAGMENTED_MP4 } from './seeds.ts';

/** Two bytes of parameters, then payloads, each behind its length (one byte) and its timestamp's step (one byte). */
const aac: FuzzTarget = {
  name: 'aac',
  seeds: [
    // One frame; two frames in a packet; one frame over two packets: sizes of 13 bits, indexes of 3.
    Buffer.from('0d03080000100020aabbccdd', 'hex'),
    Buffer.from('0d030b000020001000180102030405', 'hex'),
    Buffer.from('0d03060000100028aabb07000010002801020304', 'hex'),
    Buffer.from('06020700000800080bcc', 'hex'),
  ],
  dictionary: ['00100028', '0010', '0020', 'ffff', '0400', '0000'].map((word) => Buffer.from(word, 'hex')),
  run(input) {
    const depacketizer = new AacDepacketizer(
      new Map([
        ['sizelength', String(input[0])],
        ['indexlength', String(input[1])],
      ]),
    );
    const seen = { packets: 0, frames: 0, bytes: 0 };
    let rtpTimestamp = 0;
    for (let at = 2; at + 2 <= input.length; seen.packets++) {
      const length = input[at] ?? 0;
      rtpTimestamp += input[at + 1] ?? 0;
      const payload = input.subarray(at + 2, at + 2 + length);
      at += 2 + length;
      for (const frame of depacketizer.push(payload, rtpTimestamp)) {
        promise(frame.data.length > 0 && frame.rtpTimestamp < 2 ** 32, 'an empty frame');
        seen.frames++;
        seen.bytes += frame.data.length;
      }
      promise(depacketizer.pending <= 6144, `holds ${depacketizer.pending} pieces`);
    }
    promise(seen.bytes <= input.length, 'more came out than went in');
    return `${magnitude(seen.packets)} ${magnitude(seen.frames)} ${magnitude(seen.bytes)} ${magnitude(depacketizer.pending)}`;
  },
};

const fragment = outcomeOf(FragmentError);

/** What the muxer writes, whole and cut in two at the place that the first two bytes name. */
const fragments: FuzzTarget = {
  name: 'fragments',
  seeds: [0, 700].map((at) => Buffer.concat([Buffer.from([at >> 8, at & 255]), FRAGMENTED_MP4])),
  dictionary: words(
    'moov',
    'moof',
    'mdat',
    'trak',
    'tkhd',
    'traf',
    'tfdt',
    'trun',
    '\0\0\0\x08',
    '\0\0\0\x14',
  ),
  run(input) {
    const data = Buffer.from(input.subarray(2));
    const cut = input.length < 2 ? 0 : input.readUInt16BE(0) % (data.length + 1);
    const read = (chunks: readonly Buffer[]) => {
      const told: string[] = [];
      const answer = fragment(
        () => {
          const parser = new FragmentParser();
          for (const chunk of chunks)
            for (const piece of parser.push(chunk)) {
              if (piece.kind === 'init') told.push('init');
              else {
                const { data: media, starts, videoSamples } = piece.fragment;
                promise([...starts.values()].every(Number.isFinite), 'a start that is no number');
                told.push(`${starts.size} ${magnitude(videoSamples)}`);
                parser.rebase(
                  { ...piece.fragment, data: Buffer.from(media) },
                  Math.min(...starts.values(), 1e9),
                );
              }
            }
        },
        () => 'read',
      );
      // Pieces before a broken box are lost with its chunk.
      return answer === 'read' ? told.join() : answer;
    };
    const whole = read([data]);
    promise(read([data.subarray(0, cut), data.subarray(cut)]) === whole, 'the answer depends on the chunks');
    return `${magnitude(data.length)} ${whole.slice(0, 200)}`;
  },
};

const OFFER =
  'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 PCMU/8000\r\n' +
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 H264/90000\r\n' +
  'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=fmtp:97 packetization-mode=1;profile-level-id=640032\r\n' +
  'a=rtpmap:98 H265/90000\r\na=rtcp-fb:* nack\r\n';
const live = outcomeOf(MediaError);

/** A browser's offer on its way to one codec, and an answer on its way back with our addresses only. */
const liveSdp: FuzzTarget = {
  name: 'live-sdp',
  seeds: words(OFFER, OFFER.replaceAll('\r\n', '\n').replace('H265', 'h265')),
  dictionary: words(
    ...[
      'm=video 9 X 96\r\n',
      'a=rtpmap:',
      ' H264/90000',
      'a=fmtp:',
      'packetization-mode=1',
      '\r\n',
      'a=rtcp-fb:*',
    ],
    ...['a=candidate:1 1 udp 1 6.6.6.6 9 typ host\r\n', 'c=IN IP4 6.6.6.6', '\u2028', '96', '97', '98', ' '],
  ),
  run: (input) =>
    live(
      () => stripCandidates(input.toString()),
      (stripped) => {
        for (const line of advertise(stripped, ['10.1.1.1'], 8189).split('\r\n')) {
          promise(!line.startsWith('a=candidate') || line.includes(' 10.1.1.1 8189 '), line);
          promise(!line.startsWith('c=') || line === 'c=IN IP4 0.0.0.0', line);
        }
        return (['h264', 'h265'] as const)
          .map((codec) =>
            live(
              () => chooseVideoCodec(stripped, codec, '64'),
              (chosen) => {
                const types = [...chosen.matchAll(/^m=video \d+ \S+ (.*)$/gm)].map((match) => match[1]);
                promise(
                  chosen.split('\r\nm=').length === stripped.split('\r\nm=').length,
                  'sections came or went',
                );
                return `${magnitude(new Set(types).size)} ${magnitude(chosen.length)}`;
              },
            ),
          )
          .join();
      },
    ),
};

export const targets: readonly FuzzTarget[] = [aac, fragments, liveSdp];
