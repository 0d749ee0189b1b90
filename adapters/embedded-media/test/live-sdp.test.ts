import { describe, expect, it } from 'vitest';
import { advertise } from '../src/live/answer.ts';
import { chooseVideoCodec } from '../src/live/offer.ts';

const OFFER = [
  'v=0',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 8',
  'a=rtpmap:111 opus/48000/2',
  'a=rtpmap:8 PCMA/8000',
  'm=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104 105',
  'a=rtpmap:96 VP8/90000',
  'a=rtpmap:97 rtx/90000',
  'a=fmtp:97 apt=96',
  'a=rtpmap:102 H264/90000',
  'a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f',
  'a=rtpmap:103 H264/90000',
  'a=rtcp-fb:103 nack pli',
  'a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f',
  'a=rtpmap:104 H264/90000',
  'a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f',
  'a=rtpmap:105 H265/90000',
  '',
].join('\r\n');

const typesOf = (sdp: string) => [...sdp.matchAll(/^a=rtpmap:(\d+) \S+\/90000/gm)].map((m) => m[1]);

describe('chooseVideoCodec', () => {
  it('keeps the one payload type that fits, in the profile of the stream where offered', () => {
    const main = chooseVideoCodec(OFFER, 'h264', '4d');
    expect(typesOf(main)).toEqual(['104']);
    expect(main).toContain('m=video 9 UDP/TLS/RTP/SAVPF 104\r\n');
    expect(typesOf(chooseVideoCodec(OFFER, 'h264', '64'))).toEqual(['103']);
    expect(typesOf(chooseVideoCodec(OFFER, 'h265', '01'))).toEqual(['105']);
    expect(main).toContain('m=audio 9 UDP/TLS/RTP/SAVPF 111 8\r\n');
  });

  it('takes a line separator within a line for no new section', () => {
    const odd = OFFER.replace('VP8/90000', 'VP8/90000\u2028m=video 9 X 96');
    const chosen = chooseVideoCodec(odd, 'h265', '01');
    expect(chosen.split('\r\n').filter((line) => line.startsWith('m='))).toEqual([
      'm=audio 9 UDP/TLS/RTP/SAVPF 111 8',
      'm=video 9 UDP/TLS/RTP/SAVPF 105',
    ]);
    expect(chosen).not.toContain('H264');
    expect(advertise(odd, ['10.0.0.1'], 1).match(/\nm=/g)).toHaveLength(2);
  });

  it('says what the browser does not offer', () => {
    expect(() => chooseVideoCodec(OFFER.replace(/H265/, 'AV1'), 'h265', '01')).toThrow(/no H265/);
  });
});

describe('advertise', () => {
  it('tells the configured addresses and no other', () => {
    const answer = [
      'v=0',
      'm=video 43210 UDP/TLS/RTP/SAVPF 104',
      'c=IN IP4 10.1.1.1',
      'a=candidate:1 1 udp 1 10.1.1.1 43210 typ host',
      'a=end-of-candidates',
      'a=mid:0',
      'm=audio 43210 UDP/TLS/RTP/SAVPF 8',
      'a=candidate:1 1 udp 1 10.1.1.1 43210 typ host',
      '',
    ].join('\r\n');
    const told = advertise(answer, ['192.168.1.2', '127.0.0.1'], 8190);
    expect(told).not.toMatch(/10\.1\.1\.1|43210/);
    const candidates = [...told.matchAll(/^a=candidate:.* (\S+) (\d+) typ host\r$/gm)].map((m) => [
      m[1],
      m[2],
    ]);
    expect(candidates).toEqual([
      ['192.168.1.2', '8190'],
      ['127.0.0.1', '8190'],
    ]);
  });
});
