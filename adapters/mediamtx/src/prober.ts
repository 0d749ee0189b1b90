import type { CameraSpec, TrackInfo } from '@opennvr/media';
import { type FailureCode, RtspError } from '@opennvr/rtsp';
import type { Clock } from '@opennvr/service';

/** What a camera answered to our own DESCRIBE. */
export type Verdict = { ok: true; tracks: TrackInfo[] } | { ok: false; code: FailureCode; message: string };

/** Asks one camera. @throws RtspError */
export type Probe = (camera: CameraSpec) => Promise<TrackInfo[]>;

/** A camera that takes longer is waited for no further; MediaMTX has more patience. */
const PATIENCE_MS = 4000;

/**
 * Asks cameras what MediaMTX's API does not tell: why they fail, and whether they redirect. One question per camera
 * at a time, and a bounded number over all of them.
 */
export class Prober {
  readonly #probe: Probe;
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #asking = new Map<string, { camera: CameraSpec; answer: Promise<Verdict> }>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(probe: Probe, limit: number, clock: Clock) {
    this.#probe = probe;
    this.#limit = limit;
    this.#clock = clock;
  }

  isAsking(id: string): boolean {
    return this.#asking.has(id);
  }

  /** Never rejects. A question about this very camera that is under way is joined. */
  async ask(camera: CameraSpec): Promise<Verdict> {
    for (;;) {
      const current = this.#asking.get(camera.id);
      if (!current) break;
      if (current.camera === camera) return current.answer;
      await current.answer;
    }
    const answer = this.#run(camera);
    this.#asking.set(camera.id, { camera, answer });
    return answer;
  }

  async #run(camera: CameraSpec): Promise<Verdict> {
    if (this.#running >= this.#limit) await new Promise<void>((go) => this.#waiting.push(go));
    else this.#running += 1;
    let cancelTimer: () => void = () => undefined;
    const timeout = new Promise<Verdict>((resolve) => {
      const message = `no answer within ${PATIENCE_MS / 1000} s`;
      cancelTimer = this.#clock.after(PATIENCE_MS, () =>
        resolve({ ok: false, code: 'unreachable', message }),
      );
    });
    try {
      return await Promise.race([this.#verdict(camera), timeout]);
    } finally {
      cancelTimer();
      this.#asking.delete(camera.id);
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
  async #verdict(camera: CameraSpec): Promise<Verdict> {
    try {
      return { ok: true, tracks: await this.#probe(camera) };
    } catch (error) {
      if (error instanceof RtspError) return { ok: false, code: error.code, message: error.message };
      throw error;
    }
  }
}
