import type { MediaCore } from '@opennvr/media';
import {
  type GetEngineResponse,
  type MediaServiceServer,
  MediaServiceService,
} from '@opennvr/proto/opennvr/media/v1/media';
import { type ServiceEntry, service, unary } from '@opennvr/service';

/** `opennvr.media.v1.MediaService` over what both engines share. */
export function mediaService(core: MediaCore, engine: () => GetEngineResponse): ServiceEntry {
  const implementation: MediaServiceServer = {
    applyCameras: unary((request) => core.applyCameras(request)),
    watchCameras: (call) => core.watchCameras(call),
    readUrl: unary((request) => core.readUrl(request)),
    openLive: unary((request) => core.openLive(request)),
    renewLive: unary((request) => core.renewLive(request)),
    closeLive: unary((request) => {
      core.closeLive(request);
      return {};
    }),
    getEngine: unary(engine),
  };
  return service('opennvr.media.v1.MediaService', MediaServiceService, implementation);
}
