import { targets as cli } from '@opennvr/cli/fuzz';
import { targets as containment } from '@opennvr/containment/fuzz';
import { targets as decoder } from '@opennvr/decoder/fuzz';
import { targets as embedded } from '@opennvr/embedded-media/fuzz';
import { targets as kaic } from '@opennvr/kaic/fuzz';
import { targets as media } from '@opennvr/media/fuzz';
import { targets as mediamtx } from '@opennvr/mediamtx/fuzz';
import { targets as rtsp } from '@opennvr/rtsp/fuzz';
import { targets as service } from '@opennvr/service/fuzz';
import { targets as simcam } from '@opennvr/simcam/fuzz';
import type { FuzzTarget } from './target.ts';

/** Every parser of hostile or foreign bytes there is. */
export const targets: readonly FuzzTarget[] = [
  ...rtsp,
  ...media,
  ...service,
  ...embedded,
  ...cli,
  ...simcam,
  ...decoder,
  ...kaic,
  ...mediamtx,
  ...containment,
];
