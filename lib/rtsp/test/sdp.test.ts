import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aacConfigOf,
  parseSdp,
  parseSps,
  RtspError,
  type Track,
  videoCodecOf,
  writeSdp,
} from '../src/index.ts';

const SPS = 'Z2QAKKwa0A8ARPy4CIAAAAMAgAAADLWgAtwAHJ173CPFCKg=';
const PPS = 'aO4ESSJAAAAAAAAAAAA=';

/** As a well known brand's firmware writes it. */
const CAMERA = `v=0\r
o=- 1109162014219182 0 IN IP4 0.0.0.0\r
s=HIK Media Server V3.4.3\r
i=HIK Media Server Session Description : standard\r
e=NONE\r
c=IN IP4 0.0.0.0\r
t=0 0\r
a=control:*\r
b=AS:1034\r
a=range:npt=now-\r
m=video 0 RTP/AVP 96\r
i=Video Media\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 profile-level-id=4D0014;packetization-mode=0;sprop-parameter-sets=${SPS},${PPS}\r
a=control:trackID=video\r
b=AS:1024\r
m=audio 0 RTP/AVP 8\r
i=Audio Media\r
a=control:trackID=audio\r
a=Media_header:MEDIAINFO=494D4B48010100000400010010710110401F000000FA000000000000;\r
m=application 0 RTP/AVP 107\r
a=rtpmap:107 vnd.onvif.metadata/90000\r
a=control:rtsp://10.0.0.7/trackID=metadata\r
`;

const only = (text: string): Track => {
  const [track, ...others] = parseSdp(text).tracks;
  if (!track || others.length > 0) throw new Error('not one track');
  return track;
};

describe('reading', () => {
  test('a camera’s description', () => {
    const { tracks, control } = parseSdp(CAMERA);
    expect(control).toBe('*');
    expect(tracks).toMatchObject([
      {
        index: 0,
        kind: 'video',
        codec: 'h264',
        payloadType: 96,
        clockRate: 90_000,
        control: 'trackID=video',
      },
      { index: 1, kind: 'audio', codec: 'pcma', payloadType: 8, clockRate: 8000, channels: 1 },
      { index: 2, kind: 'other', codec: 'vnd.onvif.metadata', control: 'rtsp://10.0.0.7/trackID=metadata' },
    ]);
    const [video] = tracks;
    expect(video?.fmtp.get('profile-level-id')).toBe('4D0014');
    expect(video?.parameterSets).toEqual({
      sps: Buffer.from(SPS, 'base64'),
      pps: Buffer.from(PPS, 'base64'),
    });
    expect(parseSps('h264', Buffer.from(SPS, 'base64'))).toMatchObject({ width: 1920, height: 1080 });
  });

  test('line feeds alone, carriage returns alone, white space everywhere', () => {
    const expected = parseSdp(CAMERA);
    expect(parseSdp(CAMERA.replaceAll('\r\n', '\n'))).toEqual(expected);
    expect(parseSdp(CAMERA.replaceAll('\r\n', '\r'))).toEqual(expected);
    const spaced = CAMERA.replaceAll('\r\n', '  \r\n\r\n ')
      .replaceAll(';', ' ; ')
      .replaceAll('a=rtpmap:', 'a = rtpmap: ');
    expect(parseSdp(spaced)).toEqual(expected);
  });

  test('H.265 with its three parameters, AAC with its configuration', () => {
    const { tracks } = parseSdp(
      'v=0\nm=video 0 RTP/AVP 98\na=rtpmap:98 H265/90000\na=fmtp:98 sprop-vps=QAEMAQ==;sprop-sps=QgEBAQ==; sprop-pps=RAHA8w==\n' +
        'm=audio 0 RTP/AVP 97\na=rtpmap:97 MPEG4-GENERIC/16000/2\n' +
        'a=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1410\n',
    );
    const [video, audio] = tracks;
    expect(video?.codec).toBe('h265');
    expect(Object.keys(video?.parameterSets ?? {})).toEqual(['vps', 'sps', 'pps']);
    expect(audio).toMatchObject({ codec: 'aac', clockRate: 16_000, channels: 2 });
    expect(audio && aacConfigOf(audio)).toEqual({
      audioSpecificConfig: Buffer.from([0x14, 0x10]),
      sizeLength: 13,
      indexLength: 3,
      indexDeltaLength: 3,
    });
  });

  test('parameter sets in the wrong order, with start codes, with a second PPS', () => {
    const sps = Buffer.from([0x67, 66, 0, 30, 0x80]);
    const [pps0, pps1] = [Buffer.from([0x68, 0x80, 1]), Buffer.from([0x68, 0x40, 1])];
    const withCode = Buffer.concat([Buffer.from([0, 0, 0, 1]), sps]);
    const sprop = [pps0, withCode, pps1].map((nal) => nal.toString('base64')).join(',');
    const track = only(
      `v=0\nm=video 0 RTP/AVP 96\na=rtpmap:96 h264/90000\na=fmtp:96 sprop-parameter-sets=${sprop}`,
    );
    expect(track.parameterSets).toEqual({ sps, pps: pps0, more: [pps1] });
  });

  test('a dynamic type without rtpmap, a fmtp for another type, a rtpmap without white space or rate', () => {
    expect(only('m=video 0 RTP/AVP 96\na=fmtp:96 packetization-mode=1').codec).toBe('h264');
    expect(only('m=video 0 RTP/AVP 97\na=fmtp:96 sprop-sps=QgEBAQ==').codec).toBe('h265');
    expect(only('m=video 0 RTP/AVP 96\na=rtpmap:96H264')).toMatchObject({ codec: 'h264', clockRate: 90_000 });
    expect(only('m=video 0 RTP/AVP 35 96\na=rtpmap:96 H265/90000').payloadType).toBe(96);
    expect(only('m=video')).toMatchObject({ codec: '', payloadType: 0, control: '' });
  });

  test('refused: nothing of it, too long, too many tracks', () => {
    expect(() => parseSdp('<html>')).toThrow(expect.objectContaining({ code: 'protocol' }));
    expect(() => parseSdp('')).toThrow(RtspError);
    expect(() => parseSdp(`v=0\n${'x'.repeat(300_000)}`)).toThrow(expect.objectContaining({ code: 'limit' }));
    expect(() => parseSdp('m=video 0 RTP/AVP 96\n'.repeat(33))).toThrow(
      expect.objectContaining({ code: 'limit' }),
    );
  });

  test('any text: a description or an RtspError, and one that can be written again', () => {
    const word = fc.constantFrom(
      'v=0',
      'm=video 0 RTP/AVP 96',
      'm=audio 0 RTP/AVP 0',
      'a=fmtp:96 ',
      'a=rtpmap:96 ',
      'H264/90000',
      'sprop-parameter-sets=',
      'Z2QA,',
      ';',
      '=',
      '\n',
      '\r',
      ' ',
      'a=control:',
      '\0',
      '/',
      '9'.repeat(20),
    );
    const text = fc
      .array(fc.oneof(word, fc.string({ unit: 'binary' })), { maxLength: 40 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (sdp) => {
        try {
          writeSdp(parseSdp(sdp));
        } catch (error) {
          expect(error).toBeInstanceOf(RtspError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('writing', () => {
  test('what was read comes back', () => {
    const read = parseSdp(CAMERA);
    expect(parseSdp(writeSdp(read))).toEqual(read);
  });

  test('parameter sets go into fmtp', () => {
    const parameterSets = {
      vps: Buffer.from([0x40, 1, 12]),
      sps: Buffer.from([0x42, 1, 1]),
      pps: Buffer.from([0x44, 1, 0xc0]),
    };
    const video: Track = {
      index: 0,
      kind: 'video',
      codec: 'h265',
      payloadType: 96,
      clockRate: 90_000,
      channels: 0,
      control: 'track0',
      fmtp: new Map(),
      parameterSets,
    };
    const text = writeSdp({ tracks: [video] });
    expect(text).toContain('a=rtpmap:96 H265/90000\r\n');
    expect(only(text).parameterSets).toEqual(parameterSets);
  });

  test('a line break in a value is refused, not written', () => {
    const track = { ...only('m=video 0 RTP/AVP 26'), control: 'x\r\nm=audio 0 RTP/AVP 0' };
    expect(() => writeSdp({ tracks: [track] })).toThrow(RtspError);
  });
});

describe('what the assembler understands', () => {
  const track = (codec: string, fmtp: Record<string, string>): Track => ({
    ...only('m=video 0 RTP/AVP 96'),
    codec,
    fmtp: new Map(Object.entries(fmtp)),
  });

  test('is named', () => {
    expect(videoCodecOf(track('h264', { 'packetization-mode': '1' }))).toBe('h264');
    expect(videoCodecOf(track('h265', { 'sprop-max-don-diff': '0', 'tx-mode': 'SRST' }))).toBe('h265');
  });

  test.each([
    ['jpeg', {}],
    ['h264', { 'packetization-mode': '2' }],
    ['h265', { 'sprop-max-don-diff': '1' }],
    ['h265', { 'tx-mode': 'MRST' }],
  ])('is not %s %o', (codec, fmtp) => {
    expect(() => videoCodecOf(track(codec, fmtp))).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });
});
