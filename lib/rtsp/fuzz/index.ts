import type { FuzzTarget } from '@opennvr/tests/fuzz';
import { bitstreamTargets } from './targets/bitstream.ts';
import { rtcpTarget } from './targets/rtcp.ts';
import { rtpTargets } from './targets/rtp.ts';
import { sdpTarget } from './targets/sdp.ts';
import { sessionTargets } from './targets/session.ts';

/** One target a parser. */
export const targets: readonly FuzzTarget[] = [
  ...bitstreamTargets,
  sdpTarget,
  ...rtpTargets,
  rtcpTarget,
  ...sessionTargets,
];
