import type { Recording } from '../footage/recording.ts';
import type { StatusTotals } from './totals.ts';

/** One camera of the demo, and all that is known about it. */
export interface DemoCamera {
  id: string;
  simulated: boolean;
  /** As asked for; "auto" leaves it to the engine. */
  transport: 'tcp' | 'udp' | 'auto';
  codec: string;
  /** The engine's word for its state. */
  state: string;
  /** Numbered frames the camera says it sent; undefined for a real one, which does not count. */
  framesSent: number | undefined;
  recording: Recording;
}

export interface DemoState {
  engine: { name: string; version: string };
  cameras: DemoCamera[];
  totals: StatusTotals;
  errors: string[];
}

/** What `--report` writes. */
export interface Report {
  engine: { name: string; version: string };
  cameras: CameraReport[];
  adapters: { name: string; results: number; timeouts: number; p50Ms: number; p99Ms: number }[];
  frameStore: { bytes: number; capBytes: number };
  errors: string[];
}

export interface CameraReport {
  id: string;
  codec: string;
  transport: string;
  /** null for a real camera: nobody knows what it sent. */
  framesSent: number | null;
  framesRecorded: number;
  /** Numbers that were sent and are not on disk; null as above. */
  framesLost: number | null;
  keyframesStored: number;
  lastUri: string;
}

export function buildReport(state: DemoState): Report {
  return {
    engine: state.engine,
    cameras: state.cameras.map((camera) => ({
      id: camera.id,
      codec: camera.recording.codec ?? camera.codec,
      transport: camera.transport,
      framesSent: camera.framesSent ?? null,
      framesRecorded:
        camera.framesSent === undefined ? camera.recording.frames : camera.recording.numbers.size,
      framesLost: framesLost(camera),
      keyframesStored: state.totals.camera(camera.id).keyframesStored,
      lastUri: state.totals.camera(camera.id).lastUri,
    })),
    adapters: state.totals.adapters(),
    frameStore: state.totals.frameStore,
    errors: state.errors,
  };
}

/** A simulated camera numbers its frames from 0 without gaps, over all sessions. */
export function framesLost(camera: Pick<DemoCamera, 'framesSent' | 'recording'>): number | null {
  if (camera.framesSent === undefined) return null;
  let lost = 0;
  for (let frame = 0; frame < camera.framesSent; frame++) if (!camera.recording.numbers.has(frame)) lost += 1;
  return lost;
}

/** Why the demo failed, in one sentence; undefined when every camera was recorded, stored and looked at, whole. */
export function verdict(state: DemoState): string | undefined {
  if (state.cameras.length === 0) return 'There was no camera.';
  for (const camera of state.cameras) {
    const { keyframesStored, results } = state.totals.camera(camera.id);
    const lost = framesLost(camera);
    const broken = camera.recording.problems[0];
    if (camera.framesSent === 0) return `Camera ${camera.id} was never read by the media engine.`;
    if (camera.recording.frames === 0) return `Camera ${camera.id} was not recorded (${camera.state}).`;
    if (broken !== undefined) return `A segment of camera ${camera.id} cannot be read: ${broken}.`;
    if (lost !== null && lost > 0) {
      return `Camera ${camera.id} lost ${lost} of ${camera.framesSent} frames between camera and disk.`;
    }
    if (camera.recording.misplaced > 0) {
      return `Camera ${camera.id} has ${camera.recording.misplaced} frames on disk twice or out of order.`;
    }
    if (keyframesStored === 0) return `No keyframe of camera ${camera.id} reached the frame store.`;
    if (results === 0) return `No adapter looked at camera ${camera.id}.`;
  }
  return undefined;
}
