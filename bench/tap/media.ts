import {
  CameraState,
  type CameraStatus,
  type MediaServiceServer,
  MediaServiceService,
} from '@opennvr/proto/opennvr/media/v1/media';
import { type RunningServer, serveUnix, service, statusError, unary } from '@opennvr/service';

/** A `MediaService` that says all cameras are online at `/cam<n>` of the load server. */
export function serveMedia(socketPath: string, port: number, cameras: number): Promise<RunningServer> {
  const absent = unary(() => {
    throw statusError(12, 'not part of this measurement');
  });
  const handlers = {
    watchCameras: (call) => {
      call.write({
        snapshot: true,
        cameras: Array.from({ length: cameras }, (_, n) => online(n)),
        removedIds: [],
      });
    },
    readUrl: unary(({ cameraId }) => ({
      url: `rtsp://127.0.0.1:${port}/${cameraId}`,
      username: '',
      password: '',
    })),
    applyCameras: absent,
    openLive: absent,
    renewLive: absent,
    closeLive: absent,
    getEngine: absent,
  } as MediaServiceServer;
  return serveUnix(socketPath, [service('opennvr.media.v1.MediaService', MediaServiceService, handlers)]);
}

function online(n: number): CameraStatus {
  return {
    id: `cam${n}`,
    state: CameraState.CAMERA_STATE_ONLINE,
    reason: 0,
    detail: '',
    since: undefined,
    tracks: [],
    recording: false,
    bytesReceived: 0,
  };
}
