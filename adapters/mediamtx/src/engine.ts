import type {
  CameraChange,
  CameraSpec,
  CameraStore,
  Engine,
  LiveSession,
  ReadUrl,
  StatusBoard,
} from '@opennvr/media';
import { sameSource } from '@opennvr/media';
import { type Clock, type Logger, sleep } from '@opennvr/service';
import { CameraWatch } from './camera-watch.ts';
import { type PlannedCamera, pathConfigs } from './config.ts';
import type { ControlApi, PathState } from './control-api.ts';
import { inTurn } from './in-turn.ts';
import type { Live } from './live.ts';
import { type LogLine, problemOf } from './log-lines.ts';
import type { Plan } from './plan.ts';
import type { Prober, Verdict } from './prober.ts';
import type { SegmentWatch } from './segments.ts';
import { ListenerError, settledSockets } from './socket-policy.ts';
import { checkForMediaMtx } from './source-url.ts';
import { synchronise } from './synchronise.ts';
import { ApiError } from './unix-http.ts';

export interface MediaMtxOptions {
  clock: Clock;
  log: Logger;
  /** Uniform in [0, 1): spreads probes. */
  random: () => number;
  board: StatusBoard;
  plan: Plan;
  api: ControlApi;
  live: Live;
  prober: Prober;
  segments: SegmentWatch;
  readUrl: (cameraId: string) => ReadUrl;
  /** Reads tracks from MediaMTX's own session description, for versions whose API has no sizes; else undefined. */
  describe: ((cameraId: string) => Promise<Verdict>) | undefined;
  /** Cameras that led MediaMTX to somebody else, of those that are online. */
  misled: (online: ReadonlySet<string>) => Promise<string[]>;
  /** Sockets MediaMTX has and must not have. */
  forbidden: () => string[];
  onFatal: (error: Error) => void;
}

const POLL_MS = 1000;
/** Looking at folders and sockets costs more than asking MediaMTX. */
const LOOK_EVERY = 2;

/**
 * MediaMTX as an `Engine`. It has no events, so it is asked once a second over its unix socket, here and nowhere else;
 * callers get changes.
 */
export class MediaMtx implements Engine, CameraStore {
  readonly #o: MediaMtxOptions;
  readonly #watches = new Map<string, CameraWatch>();
  readonly #recording = new Map<string, boolean>();
  #suspects: ReadonlySet<string> = new Set();
  #up = false;
  #polls = 0;
  #closed = false;
  #fatal: Error | undefined;
  /** What is on disk and what MediaMTX is told changes one step at a time. */
  readonly #serial = inTurn();

  constructor(options: MediaMtxOptions) {
    this.#o = options;
  }

  load(): Promise<CameraSpec[]> {
    return this.#o.plan.load();
  }

  /** Asks every camera that is new or points elsewhere before MediaMTX hears of it. */
  async save(cameras: readonly CameraSpec[]): Promise<void> {
    cameras.forEach(checkForMediaMtx);
    const fresh = cameras.filter((camera) => {
      const before = this.#o.plan.get(camera.id);
      return !before || !sameSource(before, camera);
    });
    const verdicts = await Promise.all(fresh.map((camera) => this.#o.prober.ask(camera)));
    const held = fresh.filter((_, i) => isRedirect(verdicts[i])).map((camera) => camera.id);
    for (const id of held)
      this.#o.log.warn({ camera: id }, 'the camera redirects: MediaMTX is not told of it');
    await this.#serial(() => this.#o.plan.save(cameras, new Set(held)));
    const now = this.#o.clock.monotonic();
    fresh.forEach((camera, i) => {
      const planned = this.#o.plan.get(camera.id);
      const verdict = verdicts[i];
      if (!planned || !verdict) return;
      const watch = new CameraWatch(planned, this.#up, now);
      watch.answered(verdict, now, this.#o.random());
      this.#watches.set(camera.id, watch);
    });
  }

  async apply(_cameras: readonly CameraSpec[], change: CameraChange): Promise<void> {
    const now = this.#o.clock.monotonic();
    for (const id of change.removed) {
      this.#watches.delete(id);
      this.#recording.delete(id);
      this.#o.segments.forget(id);
      this.#o.board.remove(id);
    }
    for (const id of [...change.added, ...change.changed]) {
      const planned = this.#o.plan.get(id);
      if (!planned) continue;
      const watch = this.#watches.get(id);
      if (!watch) this.#watches.set(id, new CameraWatch(planned, this.#up, now));
      else watch.replan(planned, now);
      if (!this.#o.board.get(id)) this.#o.board.put(id);
      this.#publish(id, now);
    }
    await this.#serial(() => this.#synchronise());
  }

  openLive(cameraId: string, offerSdp: string, onEnd: () => void): Promise<LiveSession> {
    return this.#o.live.open(cameraId, offerSdp, onEnd);
  }

  readUrl(cameraId: string): ReadUrl {
    return this.#o.readUrl(cameraId);
  }

  /** MediaMTX began or ended. */
  engineChanged(): void {
    this.#up = false;
    this.#o.live.lost();
    const now = this.#o.clock.monotonic();
    this.#recording.clear();
    for (const [id, watch] of this.#watches) {
      this.#o.segments.forget(id);
      watch.engineDown(now);
      this.#publish(id, now);
    }
  }

  logged(line: LogLine): void {
    if (line.path === undefined || line.level !== 'error') return;
    this.#watches.get(line.path)?.complained(problemOf(line));
  }

  start(): void {
    const next = () => {
      if (this.#closed) return;
      this.#poll()
        .catch((error: unknown) => this.#o.log.error({ err: error }, 'polling MediaMTX failed'))
        .finally(() => this.#o.clock.after(POLL_MS, next));
    };
    next();
  }

  stop(): void {
    this.#closed = true;
  }

  /** Resolves with true once MediaMTX answers, with false after `ms`. @throws ListenerError */
  async ready(ms: number): Promise<boolean> {
    const deadline = this.#o.clock.monotonic() + ms;
    while (!this.#up && this.#o.clock.monotonic() < deadline) {
      if (this.#fatal) throw this.#fatal;
      await sleep(this.#o.clock, 50);
    }
    return this.#up;
  }

  async #poll(): Promise<void> {
    let paths: Map<string, PathState>;
    try {
      paths = await this.#o.api.paths();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#up) {
        this.#o.log.error({ err: error }, 'MediaMTX does not answer');
        this.engineChanged();
      }
      return;
    }
    if (!this.#up) await this.#cameUp();
    this.#polls += 1;
    if (this.#polls % LOOK_EVERY === 0) {
      await this.#lookAtSegments(paths);
      await this.#lookAtPeers(paths);
    }
    const now = this.#o.clock.monotonic();
    for (const [id, watch] of this.#watches) {
      const cameOnline = watch.polled(paths.get(id), this.#recording.get(id) ?? false, now);
      if (this.#o.describe && watch.learnDue(now)) this.#learn(watch, this.#o.describe(id));
      this.#publish(id, now);
      // A camera that has just come back is asked as well: MediaMTX would have followed a redirect.
      if (cameOnline || watch.probeDue(now)) this.#probe(watch);
      if (watch.wantsOtherTransport(now)) this.#switchTransport(watch.camera);
    }
    await this.#o.live.check();
  }

  async #cameUp(): Promise<void> {
    // Sessions of an adapter before us: nobody holds their leases.
    await this.#o.live.check();
    const bad = await settledSockets(this.#o.forbidden, this.#o.clock);
    if (bad.length > 0) {
      this.#closed = true;
      this.#fatal = new ListenerError(`MediaMTX has sockets it must not have: ${bad.join(', ')}`);
      this.#o.onFatal(this.#fatal);
      return;
    }
    this.#up = true;
    await this.#serial(() => this.#synchronise());
  }

  async #lookAtSegments(paths: ReadonlyMap<string, PathState>): Promise<void> {
    const now = this.#o.clock.monotonic();
    const recorded = [...this.#watches].filter(([id, watch]) => {
      if (watch.camera.record && paths.get(id)?.online) return true;
      // Growth counts from the next connection on.
      this.#o.segments.forget(id);
      return false;
    });
    const growing = await Promise.all(recorded.map(([id]) => this.#o.segments.isGrowing(id, now)));
    this.#recording.clear();
    recorded.forEach(([id], i) => void this.#recording.set(id, growing[i] ?? false));
  }

  /** Twice in a row, since connections end between one look and the other. */
  async #lookAtPeers(paths: ReadonlyMap<string, PathState>): Promise<void> {
    const online = new Set([...paths].filter(([, path]) => path.online).map(([id]) => id));
    const misled = new Set(await this.#o.misled(online));
    const caught = [...misled].filter((id) => this.#suspects.has(id));
    this.#suspects = misled;
    for (const id of caught) {
      const camera = this.#o.plan.get(id);
      if (!camera) continue;
      this.#o.log.error(
        { camera: id },
        'the camera led MediaMTX to another address: taking it away from MediaMTX',
      );
      await this.#note(camera, { held: 'caught' });
    }
  }

  #publish(id: string, now: number): void {
    const watch = this.#watches.get(id);
    if (watch) this.#o.board.update(id, watch.status(now));
  }

  #probe(watch: CameraWatch): void {
    const { camera } = watch;
    if (this.#o.prober.isAsking(camera.id)) return;
    this.#background('probing a camera', async () => {
      const verdict = await this.#o.prober.ask(camera);
      if (this.#watches.get(camera.id) !== watch) return;
      watch.answered(verdict, this.#o.clock.monotonic(), this.#o.random());
      if (isRedirect(verdict) && watch.camera.held === '') await this.#note(camera, { held: 'redirects' });
      if (verdict.ok && watch.camera.held === 'redirects') await this.#note(camera, { held: '' });
      this.#publish(camera.id, this.#o.clock.monotonic());
    });
  }

  #learn(watch: CameraWatch, description: Promise<Verdict>): void {
    this.#background('reading tracks', async () => {
      const verdict = await description;
      if (!verdict.ok) return;
      const now = this.#o.clock.monotonic();
      watch.learned(verdict.tracks, now);
      this.#publish(watch.camera.id, now);
    });
  }

  #switchTransport(camera: PlannedCamera): void {
    const via = camera.via === 'tcp' ? 'udp' : 'tcp';
    this.#background('changing the transport', () => this.#note(camera, { via }));
  }

  async #note(camera: PlannedCamera, news: Partial<Pick<PlannedCamera, 'held' | 'via'>>): Promise<void> {
    await this.#serial(async () => {
      const { plan, log, clock } = this.#o;
      const before = plan.get(camera.id);
      if (!before || !sameSource(before, camera)) return;
      log.info({ camera: camera.id, ...news }, 'what MediaMTX is told of the camera changes');
      await plan.note(camera.id, news);
      const planned = plan.get(camera.id);
      if (planned) this.#watches.get(camera.id)?.replan(planned, clock.monotonic());
      await this.#synchronise();
    });
  }

  async #synchronise(): Promise<void> {
    if (!this.#up) return;
    const { api, plan, clock } = this.#o;
    await synchronise({ api, clock, wanted: pathConfigs(plan.cameras), rewrite: () => plan.rewrite() });
  }

  #background(doing: string, task: () => Promise<void>): void {
    task().catch((error: unknown) => this.#o.log.error({ err: error }, `${doing} failed`));
  }
}

function isRedirect(verdict: Verdict | undefined): boolean {
  return verdict !== undefined && !verdict.ok && verdict.code === 'redirected';
}
