export type { CameraOptions } from './dialogue.ts';
export { probeRtsp } from './probe.ts';
export {
  type Backoff,
  RtspSource,
  type RtspSourceHandler,
  type RtspSourceOptions,
  type RtspSourceState,
} from './source.ts';
