import { targets as rtsp } from '@opennvr/rtsp/fuzz';
import type { FuzzTarget } from './target.ts';

/** Every parser of hostile or foreign bytes there is. */
export const targets: readonly FuzzTarget[] = [...rtsp];
