import { status as code } from '@grpc/grpc-js';
import type { Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { KaicServiceService } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { Random } from '@opennvr/rtsp';
import { type Clock, type Logger, serveUnix, service, statusError } from '@opennvr/service';
import { SharedPictures } from './frames/pictures.ts';
import { PinWatch } from './frames/pin-watch.ts';
import { FrameStore } from './frames/store.ts';
import { EMPTY_PLAN, mergePlans } from './plan/merge.ts';
import { PlanFile } from './plan/plan-file.ts';
import { type ValidPlan, validatePlan } from './plan/validate.ts';
import { KaicService } from './service/kaic-service.ts';
import { metricsText } from './service/metrics.ts';
import { serveMetrics } from './service/metrics-server.ts';
import { type KaicSettings, planFromSettings } from './settings.ts';
import { MediaLink } from './tap/media-link.ts';
import { Taps } from './tap/taps.ts';
import type { FrameDecoder, FramePictures, FrameViews, InferenceEngine } from './types.ts';

export interface KaicParts {
  clock: Clock;
  log: Logger;
  random: Random;
  decoder: FrameDecoder;
  engine(parts: { pictures: FramePictures; views: FrameViews }): InferenceEngine;
}

export interface RunningKaic {
  /** How many cameras the plan it resumed has. */
  cameras: number;
  close(): Promise<void>;
}

/** Puts kaic together and goes on with the plan it had. Resolves once it serves. */
export async function startKaic(settings: KaicSettings, parts: KaicParts): Promise<RunningKaic> {
  const { clock, log, random, decoder } = parts;
  const { dir, capBytes, ring, cutOffPinners } = settings.frames;
  const store = new FrameStore({ dir, capBytes, ring, onPinned: () => pins.suspect() });
  const cutOff = cutOffPinners ? (pid: number) => void process.kill(pid, 'SIGKILL') : undefined;
  const pins = new PinWatch({ store, clock, log, cutOff });
  const pictures = new SharedPictures(store, decoder);
  const engine = parts.engine({ pictures, views: store.views });
  const media = new MediaLink({
    socketPath: settings.mediaSocket,
    clock,
    log,
    onChange: (cameraId) => taps.onCameraChange(cameraId),
  });
  const taps = new Taps({ clock, random, store, media, listener: engine });
  const planFile = new PlanFile(settings.stateDir);

  const carryOut = (plan: ValidPlan): void => {
    store.setCameras(new Set(plan.taps.map(({ cameraId }) => cameraId)));
    for (const { view } of plan.adapters) store.views.open(view);
    engine.apply(plan.adapters, plan.taps);
    taps.apply(plan.taps);
  };

  const kept = resume(planFile, settings, log);
  let current = kept?.plan ?? EMPTY_PLAN;

  const status = () => ({
    taps: taps.status(),
    adapters: engine.status(),
    frameStore: { ...store.status(), pinnedByPids: pins.pids },
    decoder: decoder.status(),
  });
  const kaicService = new KaicService({
    clock,
    store,
    pictures,
    applyPlan(plan, mask) {
      const next = mergePlans(current, plan, mask);
      const valid = validatePlan(next);
      keep(planFile, next);
      current = next;
      carryOut(valid);
    },
    status,
  });
  engine.onDetection((detection) => kaicService.publish(detection));

  const server = await serveUnix(settings.socketPath, [
    service('opennvr.kaic.v1.KaicService', KaicServiceService, kaicService.handlers),
  ]);
  const metrics =
    settings.metricsSocket === undefined
      ? undefined
      : await serveMetrics(settings.metricsSocket, () => metricsText(status()));
  if (kept) carryOut(kept.valid);
  return {
    cameras: kept?.valid.taps.length ?? 0,
    async close() {
      metrics?.close();
      await server.close();
      await taps.close();
      media.close();
      await engine.close();
      decoder.close();
      pins.close();
    },
  };
}

function keep(file: PlanFile, plan: Plan): void {
  try {
    file.save(plan);
  } catch (error) {
    throw statusError(code.INTERNAL, `the plan cannot be kept: ${(error as Error).message}`);
  }
}

/** A plan that cannot be used is no reason not to serve: the next ApplyPlan mends it. */
function resume(
  file: PlanFile,
  settings: KaicSettings,
  log: Logger,
): { plan: Plan; valid: ValidPlan } | undefined {
  try {
    const plan = file.load() ?? (settings.plan && planFromSettings(settings.plan));
    return plan && { plan, valid: validatePlan(plan) };
  } catch (error) {
    log.error({ err: error }, 'the plan that was kept cannot be used');
    return undefined;
  }
}
