import type { FuzzTarget } from '../target.ts';
import { bitstreamTargets } from './bitstream.ts';
import { rtcpTarget } from './rtcp.ts';
import { rtpTargets } from './rtp.ts';
import { sdpTarget } from './sdp.ts';
import { sessionTargets } from './session.ts';

/** One target a parser. */
export const targets: readonly FuzzTarget[] = [
  ...bitstreamTargets,
  sdpTarget,
  ...rtpTargets,
  rtcpTarget,
  ...sessionTargets,
];
