import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildGoodbye,
  buildReceiverReport,
  buildSenderReport,
  parseRtcp,
  ReceiverReports,
  RtpHeader,
  RtspError,
  type SenderReport,
} from '../src/index.ts';

const block = {
  ssrc: 0xdead_beef,
  fractionLost: 25,
  cumulativeLost: -3,
  highestSequence: 0x0001_0203,
  jitter: 77,
  lastSenderReport: 0xb44d_b705,
  delaySinceLastSenderReport: 0x0001_8000,
};

const senderReport = (wallMs: number): SenderReport => {
  const [first] = parseRtcp(
    buildSenderReport({ ssrc: 1, cname: 'x', wallMs, rtpTimestamp: 5, packets: 6, octets: 7 }),
  );
  if (first?.type !== 'sender-report') throw new Error('no sender report');
  return first;
};

describe('RTCP packets', () => {
  test('a receiver report of a known camera, byte for byte', () => {
    const bytes = Buffer.from(
      '81c90007000000010000000219fffffd00010203' + '0000004db44db70500018000' + '81ca00020000000101016100',
      'hex',
    );
    expect(buildReceiverReport(1, 'a', [{ ...block, ssrc: 2 }])).toEqual(bytes);
  });

  test('what is built is read back', () => {
    const report = buildReceiverReport(0x8000_0001, 'box@opennvr', [block]);
    expect(parseRtcp(Buffer.concat([report, buildGoodbye(9)]))).toEqual([
      { type: 'receiver-report', ssrc: 0x8000_0001, reports: [block] },
      { type: 'source-description', chunks: [{ ssrc: 0x8000_0001, cname: 'box@opennvr' }] },
      { type: 'goodbye', ssrcs: [9] },
    ]);
  });

  test.each([0, 1, 2, 3, 4, 255])('a CNAME of %i bytes is padded to 32 bit', (length) => {
    const cname = 'n'.repeat(length);
    const bytes = buildReceiverReport(1, cname, []);
    expect(bytes.length % 4).toBe(0);
    expect(parseRtcp(bytes)[1]).toEqual({ type: 'source-description', chunks: [{ ssrc: 1, cname }] });
  });

  test.each(['', 'a', 'ab', 'abc', 'abcd'])(
    'two chunks of a source description, the first named "%s"',
    (name) => {
      const chunk = (ssrc: number, cname: string) => buildReceiverReport(ssrc, cname, []).subarray(8 + 4);
      const body = Buffer.concat([chunk(1, name), chunk(2, 'second')]);
      const bytes = Buffer.concat([Buffer.from([0x82, 202, 0, body.length / 4]), body]);
      expect(parseRtcp(bytes)).toEqual([
        {
          type: 'source-description',
          chunks: [
            { ssrc: 1, cname: name },
            { ssrc: 2, cname: 'second' },
          ],
        },
      ]);
    },
  );

  test('the wall clock survives a sender report, also beyond 2036', () => {
    for (const wallMs of [0, 1_700_000_000_123.5, Date.UTC(2040, 1, 1)]) {
      expect(senderReport(wallMs).wallMs).toBeCloseTo(wallMs, 3);
    }
    expect(senderReport(0)).toMatchObject({ ssrc: 1, rtpTimestamp: 5, packets: 6, octets: 7, reports: [] });
    // 1970 is 0x83aa7e80 seconds after 1900; the middle 32 bit are its lower half and the fraction's upper.
    expect(senderReport(500).ntpMiddle).toBe(0x7e80_8000);
  });

  test('unknown packet types and profile extensions are passed over', () => {
    const app = Buffer.from('80cc0002000000016162636400000000'.slice(0, 24), 'hex');
    const extended = Buffer.from('80c900020000000100000000', 'hex');
    expect(parseRtcp(Buffer.concat([app, extended]))).toEqual([
      { type: 'receiver-report', ssrc: 1, reports: [] },
    ]);
  });

  test.each([
    ['a truncated header', '80c9'],
    ['version 1', '40c9000100000001'],
    ['a length past the end', '80c9000200000001'],
    ['more blocks than bytes', '81c9000100000001'],
    ['a sender report of four bytes', '80c8000100000001'],
    ['padding longer than the packet', 'a0c90001000000ff'],
    ['an item past the end', '81ca00020000000101ff6100'],
    ['items without end', '81ca00020000000101026161'],
    ['a goodbye for nobody', '9fcb000100000001'],
  ])('%s is refused', (_name, bytes) => {
    expect(() => parseRtcp(Buffer.from(bytes, 'hex'))).toThrow(RtspError);
  });

  test('more than 64 packets in one are refused', () => {
    const empty = Buffer.from('80cc0000', 'hex');
    expect(parseRtcp(Buffer.concat(Array(64).fill(empty)))).toEqual([]);
    expect(() => parseRtcp(Buffer.concat(Array(65).fill(empty)))).toThrow(
      expect.objectContaining({ code: 'limit' }),
    );
  });

  test('mutated bytes: packets or an RtspError', () => {
    const valid = Buffer.concat([
      buildSenderReport({ ssrc: 1, cname: 'camera', wallMs: 1, rtpTimestamp: 2, packets: 3, octets: 4 }),
      buildReceiverReport(1, 'box', [block, block]),
      buildGoodbye(1),
    ]);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(valid.length),
        (edits, end) => {
          const bytes = Buffer.from(valid);
          for (const [at, value] of edits) bytes[at] = value;
          try {
            parseRtcp(bytes, 0, end);
          } catch (error) {
            expect(error).toBeInstanceOf(RtspError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('receiver reports', () => {
  function setUp() {
    const reports = new ReceiverReports({ ssrc: 42, cname: 'box', clockRate: 90_000 });
    const header = new RtpHeader();
    const receive = (sequenceNumber: number, timestamp = 0, arrivalMs = 0, ssrc = 7) =>
      reports.onPacket(Object.assign(header, { sequenceNumber, timestamp, ssrc }), arrivalMs);
    const report = (nowMs = 0) => {
      const [first] = parseRtcp(reports.build(nowMs));
      if (first?.type !== 'receiver-report') throw new Error('no receiver report');
      return first.reports[0];
    };
    return { reports, receive, report };
  }

  test('nothing to report before the first packet', () => {
    expect(setUp().report()).toBeUndefined();
  });

  test('fraction and total of loss, over the wrap (RFC 3550 A.3)', () => {
    const { receive, report } = setUp();
    for (const seq of [65_533, 65_534, 0, 1, 3]) receive(seq);
    // Expected 65533 to 65539: 7, received 5.
    expect(report()).toMatchObject({
      ssrc: 7,
      cumulativeLost: 2,
      fractionLost: Math.floor((2 * 256) / 7),
      highestSequence: 65_539,
    });
    for (const seq of [4, 5, 6, 7]) receive(seq);
    expect(report()).toMatchObject({ cumulativeLost: 2, fractionLost: 0, highestSequence: 65_543 });
    receive(7);
    receive(7);
    receive(7);
    expect(report()).toMatchObject({ cumulativeLost: -1, fractionLost: 0 });
  });

  test('jitter (RFC 3550 A.8): a steady stream has none, one packet 16 ms late makes 90', () => {
    const { receive, report } = setUp();
    for (let i = 0; i < 10; i++) receive(i, 0xffff_f000 + i * 3600, i * 40);
    expect(report()?.jitter).toBe(0);
    receive(10, 0xffff_f000 + 36_000, 416);
    expect(report()?.jitter).toBe(90);
  });

  test('delay since the last sender report, in 1/65536 s', () => {
    const { reports, receive, report } = setUp();
    receive(1);
    expect(report(99)).toMatchObject({ lastSenderReport: 0, delaySinceLastSenderReport: 0 });
    reports.onSenderReport(senderReport(500), 1000);
    expect(report(2500)).toMatchObject({ lastSenderReport: 0x7e80_8000, delaySinceLastSenderReport: 98_304 });
  });

  test('a source that starts over is counted anew', () => {
    const { receive, report } = setUp();
    receive(10);
    receive(13);
    receive(40_000);
    expect(report()).toMatchObject({ cumulativeLost: 0, highestSequence: 40_000 });
    receive(40_001, 0, 0, 8);
    expect(report()).toMatchObject({ ssrc: 8, cumulativeLost: 0 });
  });
});
