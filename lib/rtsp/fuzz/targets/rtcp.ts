import type { FuzzTarget } from '@opennvr/tests/fuzz';
import { buildGoodbye, buildReceiverReport, buildSenderReport, parseRtcp } from '../../src/index.ts';
import { outcome, promise } from '../outcome.ts';

const block = {
  ssrc: 1,
  fractionLost: 2,
  cumulativeLost: 3,
  highestSequence: 4,
  jitter: 5,
  lastSenderReport: 6,
  delaySinceLastSenderReport: 7,
};

export const rtcpTarget: FuzzTarget = {
  name: 'rtcp',
  seeds: [
    buildSenderReport({
      ssrc: 1,
      cname: 'camera',
      wallMs: 1_700_000_000_000,
      rtpTimestamp: 2,
      packets: 3,
      octets: 4,
    }),
    buildReceiverReport(1, 'box', [block, block]),
    buildGoodbye(1),
    Buffer.from('80cc0002000000016162636480cb0000', 'hex'),
  ],
  dictionary: ['80c80006', '81c90007', '81ca0003', '81cb0001', '80cc0000', '0101'].map((word) =>
    Buffer.from(word, 'hex'),
  ),
  run: (input) =>
    outcome(
      () => parseRtcp(input),
      (packets) => {
        promise(packets.length <= 64, 'more packets than allowed');
        for (const packet of packets) {
          promise(
            packet.type !== 'sender-report' || Number.isFinite(packet.wallMs),
            'a wall clock that is no number',
          );
        }
        return packets.map((packet) => packet.type[0]).join('');
      },
    ),
};
