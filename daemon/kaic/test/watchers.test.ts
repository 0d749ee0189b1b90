import { type ServiceError, status } from '@grpc/grpc-js';
import { KaicServiceClient, KaicServiceService } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { dialUnix, serveUnix, service, systemClock } from '@opennvr/service';
import { expect, onTestFinished, test } from 'vitest';
import { FrameStore } from '../src/frames/store.ts';
import { KaicService } from '../src/service/kaic-service.ts';
import { scratch } from './support.ts';

test('watchers of detections are bounded: one too many is told so', async () => {
  const dir = scratch();
  const store = new FrameStore({ dir: `${dir}/frames`, capBytes: 1e6, ring: 2 });
  const { handlers } = new KaicService({
    clock: systemClock,
    store,
    pictures: { jpeg: () => Promise.reject(new Error('not asked for')) },
    applyPlan: () => undefined,
    status: () => ({ taps: [], adapters: [], frameStore: store.status(), decoder: undefined }),
  });
  const path = `${dir}/kaic.sock`;
  const server = await serveUnix(path, [
    service('opennvr.kaic.v1.KaicService', KaicServiceService, { ...handlers }),
  ]);
  onTestFinished(() => server.close(0));
  const client = dialUnix(KaicServiceClient, path);
  onTestFinished(() => client.close());
  const crowd = Array.from({ length: 65 }, () => {
    const stream = client.watchDetections({ cameraIds: [], adapters: [] });
    onTestFinished(() => stream.cancel());
    return new Promise<number>((resolve) =>
      stream.on('error', (error: ServiceError) => resolve(error.code)).on('data', () => resolve(status.OK)),
    );
  });
  expect(await Promise.race(crowd)).toBe(status.RESOURCE_EXHAUSTED);
});
