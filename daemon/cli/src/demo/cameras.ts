import { join } from 'node:path';
import { Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { type Camera, RtpTransport } from '@opennvr/proto/opennvr/media/v1/media';
import { Recording } from '../footage/recording.ts';
import type { Credentials } from './credentials.ts';
import type { SimulatedCameraPlan } from './settings-files.ts';
import type { DemoCamera } from './state.ts';

/** A camera of the demo, wherever it is. */
export interface CameraSource {
  id: string;
  url: string;
  login: Credentials | undefined;
  /** '' until the engine knows. */
  codec: string;
  transport: DemoCamera['transport'];
}

const TRANSPORT = {
  tcp: RtpTransport.RTP_TRANSPORT_TCP,
  udp: RtpTransport.RTP_TRANSPORT_UDP,
  auto: RtpTransport.RTP_TRANSPORT_UNSPECIFIED,
} as const;

/** @param urlOf where the simulator put a camera. */
export function simulatedSource(plan: SimulatedCameraPlan, urlOf: (id: string) => string): CameraSource {
  return { id: plan.id, url: urlOf(plan.id), login: plan.auth, codec: plan.codec, transport: plan.transport };
}

/** The `at`-th real camera of the command line. */
export function realSource(url: string, at: number, login: Credentials | undefined): CameraSource {
  return { id: `cam${at + 1}`, url, login, codec: '', transport: 'auto' };
}

/** What is known of a camera before anything has happened. */
export function newDemoCamera({ id, codec, transport }: CameraSource, recordingsDir: string): DemoCamera {
  const simulated = transport !== 'auto';
  return {
    id,
    simulated,
    transport,
    codec,
    state: 'connecting',
    framesSent: simulated ? 0 : undefined,
    recording: new Recording(join(recordingsDir, id)),
  };
}

/** The camera as the media engine wants it. */
export function engineCamera({ id, url, login, transport }: CameraSource): Camera {
  return {
    id,
    url,
    username: login?.username ?? '',
    password: login?.password ?? '',
    transport: TRANSPORT[transport],
    tlsFingerprint: '',
    record: true,
  };
}

/** Every I-frame of every camera, all shown to the motion adapter. */
export function everyFrameToMotion(ids: readonly string[], motionSocket: string): Plan {
  return Plan.fromPartial({
    cameras: ids.map((cameraId) => ({ cameraId })),
    adapters: [{ name: 'motion', socketPath: motionSocket, assignments: [{ cameraId: '' }] }],
  });
}
