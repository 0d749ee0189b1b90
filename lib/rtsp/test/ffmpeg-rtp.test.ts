import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type AccessUnit,
  AccessUnitAssembler,
  isKeyframeNal,
  joinAnnexB,
  nalType,
  parseRtcp,
  parseSdp,
  splitAnnexB,
  type VideoCodec,
  videoCodecOf,
} from '../src/index.ts';
import { type Clip, Clips, FFMPEG, withoutEncoders } from './media.ts';

/** Type, length and hash, as whole pictures would drown a failure's message. */
const digest = (nal: Buffer) =>
  `${nal.toString('hex', 0, 2)} ${nal.length} ${createHash('sha256').update(nal).digest('hex').slice(0, 8)}`;

const clips = new Clips();
afterAll(() => clips.remove());

/** Every packet ffmpeg's own RTP muxer sends for a clip, RTCP apart, and the description it prints. */
async function sendWithFfmpeg(clip: Clip, extra: string[]) {
  const rtp = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  const rtcp = createSocket('udp4');
  rtp.bind(0, '127.0.0.1');
  rtcp.bind(0, '127.0.0.1');
  await Promise.all([once(rtp, 'listening'), once(rtcp, 'listening')]);
  const packets: Buffer[] = [];
  const control: Buffer[] = [];
  rtp.on('message', (bytes) => packets.push(bytes));
  const goodbye = new Promise<void>((resolve) => {
    rtcp.on('message', (bytes) => {
      control.push(bytes);
      if (parseRtcp(bytes).some((one) => one.type === 'goodbye')) resolve();
    });
  });
  // Real time, so that the socket's buffer never overflows: what is compared is bytes, not luck.
  const input = [
    '-loglevel',
    'error',
    '-re',
    '-i',
    clip.path,
    '-c',
    'copy',
    '-rtpflags',
    'send_bye',
    ...extra,
  ];
  const target = `rtp://127.0.0.1:${rtp.address().port}?rtcpport=${rtcp.address().port}`;
  const ffmpeg = spawn(FFMPEG, [...input, '-f', 'rtp', target], { stdio: ['ignore', 'pipe', 'inherit'] });
  let sdp = '';
  ffmpeg.stdout.setEncoding('utf8').on('data', (text: string) => {
    sdp += text;
  });
  const [status] = await once(ffmpeg, 'close');
  expect(status).toBe(0);
  // Sent last; loopback keeps the order of what came before it.
  await goodbye;
  rtp.close();
  rtcp.close();
  return { packets, control, sdp: sdp.slice(sdp.indexOf('v=0')) };
}

const cases: [string, VideoCodec, string[], string[]][] = [
  ['B-frames off', 'h264', ['-bf', '0'], []],
  ['B-frames on, CABAC, delimiters', 'h264', ['-preset', 'fast', '-bf', '3', '-x264-params', 'aud=1'], []],
  ['four slices a picture', 'h264', ['-x264-params', 'slices=4'], []],
  ['small packets', 'h264', [], ['-pkt_size', '300']],
  [
    'packetization-mode 0',
    'h264',
    ['-x264-params', 'slice-max-size=1200'],
    ['-rtpflags', 'h264_mode0+send_bye'],
  ],
  ['B-frames off', 'h265', ['-bf', '0'], []],
  ['B-frames on', 'h265', ['-preset', 'fast', '-bf', '3'], []],
  ['four slices a picture', 'h265', ['-x265-params', 'log-level=none:slices=4:pools=1'], []],
  ['open GOP: CRA pictures', 'h265', ['-x265-params', 'log-level=none:open-gop=1:keyint=10:pools=1'], []],
];

describe(`NAL units sent by ffmpeg arrive byte by byte${withoutEncoders}`, () => {
  test.skipIf(withoutEncoders !== '').concurrent.each(cases)(
    '%s, %s',
    { timeout: 60_000 },
    async (_name, codec, encoder, muxer) => {
      const clip = clips.encode(codec, { size: '320x180', extra: encoder });
      const { packets, control, sdp } = await sendWithFfmpeg(clip, muxer);

      const [track] = parseSdp(sdp).tracks;
      expect(track && videoCodecOf(track)).toBe(codec);
      const all: AccessUnit[] = [];
      const keyframes: AccessUnit[] = [];
      const common = { codec, ...(track ? { parameterSets: track.parameterSets } : {}) };
      const assemblers = [
        new AccessUnitAssembler({ ...common, mode: 'all', onAccessUnit: (unit) => all.push(unit) }),
        new AccessUnitAssembler({
          ...common,
          mode: 'keyframes',
          onAccessUnit: (unit) => keyframes.push(unit),
        }),
      ];
      for (const bytes of packets) for (const assembler of assemblers) assembler.push(bytes, 0, bytes.length);

      // ffmpeg's raw H.265 reader leaves the first zero of the next start code with the slice before it, and sends it.
      const received = splitAnnexB(joinAnnexB(all.flatMap((unit) => unit.nalUnits)));
      expect(received.map(digest)).toEqual(clip.nalUnits.map(digest));
      expect(all.some((unit) => unit.damaged)).toBe(false);
      expect(all).toHaveLength(30);
      expect(keyframes.length).toBeGreaterThanOrEqual(3);
      // Each is the same as in mode `all`, and has the parameter sets.
      expect(keyframes).toEqual(all.filter((unit) => unit.keyframe));
      const kinds = codec === 'h264' ? [7, 8, 5] : [32, 33, 34];
      for (const { nalUnits } of keyframes) {
        expect(nalUnits.map((nal) => nalType(codec, nal))).toEqual(expect.arrayContaining(kinds));
        expect(nalUnits.some((nal) => isKeyframeNal(codec, nal))).toBe(true);
      }
      for (const { stats } of assemblers) {
        expect(stats).toMatchObject({ packets: packets.length, lost: 0, damaged: 0, malformed: 0, late: 0 });
      }
      const reports = control.flatMap((bytes) => parseRtcp(bytes));
      expect(reports.map((one) => one.type)).toContain('sender-report');
    },
  );
});
