import type { FuzzTarget } from '@opennvr/tests/fuzz';
import { aacConfigOf, LIMITS, parseSdp, videoCodecOf, writeSdp } from '../../src/index.ts';
import { magnitude, outcome, promise } from '../outcome.ts';

const VIDEO = `v=0\r
o=- 0 0 IN IP4 10.0.0.5\r
s=Session\r
t=0 0\r
a=control:*\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1; profile-level-id=64002A; sprop-parameter-sets=Z2QAKqzZQHgCJ+XAR,aOvjyyLA\r
a=control:trackID=0\r
`;
const BOTH = `v=0
m=video 0 RTP/AVP 98
a=rtpmap:98 H265/90000
a=fmtp:98 sprop-vps=QAEMAf//;sprop-sps=QgEBAWAA;sprop-pps=RAHBcrRi;sprop-max-don-diff=0;tx-mode=SRST
m=audio 0 RTP/AVP 97
a=rtpmap:97 mpeg4-generic/48000/2
a=fmtp:97 streamtype=5; mode=AAC-hbr; config=1190; SizeLength=13; IndexLength=3; IndexDeltaLength=3
`;
const WORDS = [
  'm=video 0 RTP/AVP 96\n',
  'a=rtpmap:',
  'a=fmtp:',
  'a=control:',
  'sprop-parameter-sets=',
  '\n',
  '\r',
  '\0',
  '=',
  ';',
  ':',
  '/',
  ',',
  'AAAAAQ==',
  '99999999999',
];

export const sdpTarget: FuzzTarget = {
  name: 'sdp',
  seeds: [VIDEO, BOTH, 'm=audio 0 RTP/AVP 0\n'].map((text) => Buffer.from(text)),
  dictionary: WORDS.map((word) => Buffer.from(word)),
  run: (input) =>
    outcome(
      () => parseSdp(input.toString('latin1')),
      (session) => {
        promise(session.tracks.length <= LIMITS.tracks, 'too many tracks');
        const told = session.tracks.map((track) => {
          promise(track.payloadType >= 0 && track.payloadType < 128, `payload type ${track.payloadType}`);
          promise(track.clockRate > 0, `clock rate ${track.clockRate}`);
          const codec = outcome(() => videoCodecOf(track), String);
          const sets = Object.keys(track.parameterSets).join();
          return `${codec.slice(0, 40)} ${sets} ${magnitude(track.fmtp.size)} ${aacConfigOf(track) !== undefined}`;
        });
        return `tracks ${told.join('; ')} ${outcome(
          () => writeSdp(session),
          () => 'written',
        )}`;
      },
    ),
};
