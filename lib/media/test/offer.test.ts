import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediaError, stripCandidates } from '../src/index.ts';

const OFFER = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=video 54321 UDP/TLS/RTP/SAVPF 96',
  'c=IN IP4 192.168.7.7',
  'a=rtcp:9 IN IP4 192.168.7.7',
  'a=candidate:1 1 udp 2113937151 192.168.7.7 54321 typ host',
  'a=candidate:2 1 udp 2113937151 2f0c.local 54321 typ host',
  'a=end-of-candidates',
  'a=ice-ufrag:abcd',
  'a=rtcp-mux',
  'a=rtpmap:96 H264/90000',
  'm=audio 0 UDP/TLS/RTP/SAVPF 8',
].join('\r\n');

describe('stripCandidates', () => {
  it('leaves no address of the browser, and everything else', () => {
    const stripped = stripCandidates(OFFER);
    expect(stripped).not.toMatch(/192\.168|\.local|54321|candidate/);
    for (const kept of ['a=ice-ufrag:abcd', 'a=rtcp-mux', 'a=rtpmap:96 H264/90000', 'm=audio 0 '])
      expect(stripped).toContain(kept);
    expect(stripped).toContain('m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n');
  });

  it.each(['m=video 05004 X 1', 'c=IN IP4 6.6.6.6\u2028'])('leaves no address in %j', (line) => {
    expect(stripCandidates(`v=0\r\nm=audio 9 X 0\r\n${line}\r\n`)).not.toMatch(/5004|6\.6/);
  });

  it('refuses what is no offer', () => {
    for (const bad of [
      '',
      'hello',
      'v=0\r\ns=-\r\n',
      'v=0\r\nm=video  5004 X 1',
      `${OFFER}\r\na=x:${'y'.repeat(65_536)}`,
    ])
      expect(() => stripCandidates(bad)).toThrow(expect.objectContaining({ code: 3 }));
  });

  it('lets no candidate line through however it is wrapped', () => {
    const line = fc.constantFrom('a=candidate:1 1 udp 1 6.6.6.6 1 typ host', 'a=mid:0', 'A=x', '');
    const newline = fc.constantFrom('\r\n', '\n', '\r');
    fc.assert(
      fc.property(fc.array(fc.tuple(line, newline)), (lines) => {
        try {
          const stripped = stripCandidates(`v=0\r\nm=video 9 X 1\r\n${lines.flat().join('')}`);
          expect(stripped).not.toContain('6.6.6.6');
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
        }
      }),
    );
  });
});
