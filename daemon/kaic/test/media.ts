import type { ServerWritableStream } from '@grpc/grpc-js';
import {
  CameraState,
  type CameraStatus,
  MediaServiceService,
  type ReadUrlResponse,
  type WatchCamerasRequest,
  type WatchCamerasResponse,
} from '@opennvr/proto/opennvr/media/v1/media';
import { type RunningServer, serveUnix, service, statusError, unary } from '@opennvr/service';
import { onTestFinished } from 'vitest';

type Watcher = ServerWritableStream<WatchCamerasRequest, WatchCamerasResponse>;

/** A `MediaService` that says what the test tells it to. */
export class TestMedia {
  readonly cameras = new Map<string, CameraStatus>();
  /** Where cameras are read, by id. */
  address: (id: string) => ReadUrlResponse = () => ({ url: '', username: '', password: '' });
  asked = 0;
  readonly #watchers = new Set<Watcher>();
  #server: RunningServer | undefined;

  async serve(socketPath: string): Promise<void> {
    const absent = unary(() => {
      throw statusError(12, 'not part of this test');
    });
    this.#server = await serveUnix(socketPath, [
      service('opennvr.media.v1.MediaService', MediaServiceService, {
        watchCameras: (call: Watcher) => {
          this.#watchers.add(call);
          call.once('cancelled', () => this.#watchers.delete(call));
          call.write({ snapshot: true, cameras: [...this.cameras.values()], removedIds: [] });
        },
        readUrl: unary(({ cameraId }: { cameraId: string }) => {
          this.asked++;
          if (!this.cameras.has(cameraId)) throw statusError(5, `camera_id: no camera "${cameraId}"`);
          return this.address(cameraId);
        }),
        applyCameras: absent,
        openLive: absent,
        renewLive: absent,
        closeLive: absent,
        getEngine: absent,
      }),
    ]);
    onTestFinished(() => this.stop());
  }

  set(id: string, state: CameraState = CameraState.CAMERA_STATE_ONLINE, detail = ''): void {
    const camera: CameraStatus = {
      id,
      state,
      reason: 0,
      detail,
      since: undefined,
      tracks: [],
      recording: false,
      bytesReceived: 0,
    };
    this.cameras.set(id, camera);
    for (const call of this.#watchers) call.write({ snapshot: false, cameras: [camera], removedIds: [] });
  }

  async stop(): Promise<void> {
    this.#watchers.clear();
    await this.#server?.close(0);
    this.#server = undefined;
  }
}
