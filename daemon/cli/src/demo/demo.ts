import { existsSync, mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Camera, type CameraStatus, FailureReason } from '@opennvr/proto/opennvr/media/v1/media';
import { type Clock, sleep } from '@opennvr/service';
import { CliError, EXIT } from '../exit.ts';
import type { DemoOptions } from './arguments.ts';
import { engineCamera, everyFrameToMotion, newDemoCamera, realSource, simulatedSource } from './cameras.ts';
import { loadCredentials } from './credentials.ts';
import { describeState, KaicLink, MediaLink } from './links.ts';
import { makeRunDirectory, type RunDirectory } from './run-directory.ts';
import { freePort, planSimulatedCameras, socketPaths, writeSettings } from './settings-files.ts';
import { SimcamLink } from './simcam-link.ts';
import { buildReport, type DemoCamera, type DemoState, framesLost, verdict } from './state.ts';
import { Supervisor } from './supervisor.ts';
import { Display } from './table.ts';
import { bundleDir, chooseEngine, findFfmpeg } from './tools.ts';
import { StatusTotals } from './totals.ts';

const POLL_MS = 1000;
/** Making the clips takes a while the first time, on a small machine. */
const CLIPS_MS = 120_000;
const START_MS = 60_000;
/** Results of the last keyframes. */
const LAST_RESULTS_MS = 1500;
/** A camera ends after a whole GOP, which is a second, and a recorder writes a part a second. */
const CAMERAS_END_MS = 10_000;
const LAST_FRAMES_MS = 5000;
const STOP_GRACE_MS = 10_000;
const MAX_ERRORS = 100;
/** With less than this left, a part of a recording may not have fitted. */
const FULL_DISK_BYTES = 1 << 20;
const SIMCAM = 'opennvr-simcam';

export interface DemoEnvironment {
  clock: Clock;
  out: NodeJS.WriteStream;
  /** Aborted by the first Ctrl-C: ends early, but cleanly and with the report. */
  signal: AbortSignal;
}

/**
 * Runs the whole appliance in miniature and counts every frame.
 *
 * @returns why it failed, in one sentence; undefined when nothing was lost.
 * @throws CliError when it cannot start.
 */
export async function runDemo(
  options: DemoOptions,
  environment: DemoEnvironment,
): Promise<string | undefined> {
  const runDirectory = makeRunDirectory();
  const remove = () => runDirectory.remove();
  process.once('exit', remove);
  const demo = new Demo(options, environment, runDirectory);
  try {
    return await demo.run();
  } finally {
    await demo.close();
    remove();
    process.removeListener('exit', remove);
  }
}

class Demo {
  readonly #options: DemoOptions;
  readonly #clock: Clock;
  readonly #out: NodeJS.WriteStream;
  readonly #runDirectory: RunDirectory;
  readonly #supervisor: Supervisor;
  readonly #simcam = new SimcamLink((message) => this.#error(message));
  readonly #display: Display;
  readonly #state: DemoState;
  readonly #folder: string;
  readonly #startedAt: number;
  /** Aborted by Ctrl-C, and when something ends that cannot be started again. */
  readonly #early = new AbortController();
  readonly #mediaWatch = new AbortController();
  readonly #kaicWatch = new AbortController();
  readonly #failedDetails = new Map<string, string>();
  #gone: string | undefined;

  constructor(options: DemoOptions, environment: DemoEnvironment, runDirectory: RunDirectory) {
    this.#options = options;
    this.#clock = environment.clock;
    this.#out = environment.out;
    this.#runDirectory = runDirectory;
    this.#startedAt = this.#clock.monotonic();
    this.#display = new Display(environment.out);
    const stamp = new Date(this.#clock.now()).toISOString().replace(/[:.]/g, '-');
    this.#folder = resolve('.demo', stamp);
    const logDir = join(this.#folder, 'logs');
    mkdirSync(logDir, { recursive: true });
    this.#state = {
      engine: { name: '', version: '' },
      cameras: [],
      totals: new StatusTotals(),
      errors: [],
    };
    environment.signal.addEventListener('abort', () => this.#early.abort(), { once: true });
    this.#supervisor = new Supervisor({
      clock: this.#clock,
      logDir,
      onError: (message) => this.#error(message),
      onGone: (message) => {
        this.#gone ??= `${message}.`;
        this.#error(message);
        this.#early.abort();
      },
    });
  }

  async run(): Promise<string | undefined> {
    const { places, simulated, credentials } = await this.#prepare();
    const files = writeSettings(places, simulated);
    this.#out.write(`Recordings: ${places.recordingsDir}\nLogs: ${join(this.#folder, 'logs')}\n`);
    this.#out.write(
      `Frame store: ${places.framesDir}${this.#runDirectory.framesInMemory ? ' (in memory)' : ''}\n`,
    );
    if (places.engine.note) this.#out.write(`${places.engine.note}\n`);
    if (simulated.length > 0) await this.#startSimulator(files.simcam, places.clipsDir);
    if (this.#early.signal.aborted) return this.#conclude(places.recordingsDir);
    const sources = [
      ...simulated.map((plan) => simulatedSource(plan, (id) => this.#simcam.camera(id)?.url ?? '')),
      ...this.#options.cameras.map((url, at) => realSource(url, at, credentials(url))),
    ];
    this.#state.cameras = sources.map((source) => newDemoCamera(source, places.recordingsDir));
    const sockets = socketPaths(this.#runDirectory.path);
    this.#startProgram(`opennvr-media-${places.engine.name}`, ['--settings', files.media]);
    this.#startProgram('opennvr-decoder', ['--settings', files.decoder]);
    this.#startProgram('opennvr-adapter-motion', ['--socket', sockets.motion]);
    this.#startProgram('opennvr-kaic', ['--settings', files.kaic]);
    await this.#watchUntilTheEnd(sources.map(engineCamera), sockets);
    await this.#windDown(`opennvr-media-${places.engine.name}`, simulated.length > 0);
    return this.#conclude(places.recordingsDir);
  }

  async close(): Promise<void> {
    this.#mediaWatch.abort();
    this.#kaicWatch.abort();
    await this.#supervisor.close(STOP_GRACE_MS);
  }

  async #prepare() {
    const options = this.#options;
    const recordingsDir = resolve(options.recordings ?? join(this.#folder, 'recordings'));
    mkdirSync(recordingsDir, { recursive: true });
    if (options.report !== undefined) checkWritable(options.report);
    return {
      simulated: planSimulatedCameras(options.simulated),
      credentials: loadCredentials(options.credentials),
      places: {
        runDir: this.#runDirectory.path,
        framesDir: this.#runDirectory.frames,
        recordingsDir,
        clipsDir: resolve('.demo', 'clips'),
        ffmpeg: findFfmpeg(),
        engine: chooseEngine(options.engine),
        rtspPort: await freePort(),
        webrtcPort: await freePort(),
      },
    };
  }

  #startProgram(name: string, args: string[]): void {
    this.#supervisor.start({ name, bundle: join(bundleDir, `${name}.js`), args, restart: true });
  }

  async #startSimulator(settings: string, clipsDir: string): Promise<void> {
    if (!existsSync(clipsDir)) this.#out.write('Making the clips of the simulated cameras, once …\n');
    const ready = this.#simcam.next('ready');
    this.#supervisor.start({
      name: SIMCAM,
      bundle: join(bundleDir, `${SIMCAM}.js`),
      args: ['--settings', settings],
      // What it has sent is known to nobody else.
      restart: false,
      onMessage: (message) => this.#simcam.take(message),
    });
    await this.#within(CLIPS_MS, ready, 'the simulated cameras did not come up');
  }

  async #watchUntilTheEnd(cameras: Camera[], sockets: ReturnType<typeof socketPaths>): Promise<void> {
    const link = { clock: this.#clock, onError: (message: string) => this.#error(message) };
    const media = new MediaLink(sockets.media, { ...link, signal: this.#mediaWatch.signal });
    const kaic = new KaicLink(sockets.kaic, { ...link, signal: this.#kaicWatch.signal });
    const plan = everyFrameToMotion(
      cameras.map(({ id }) => id),
      sockets.motion,
    );
    const engineUp = new Promise<void>((up) => {
      void media
        .watch(cameras, (status) => {
          this.#onCamera(status);
          up();
        })
        .finally(() => media.close());
    });
    const kaicUp = new Promise<void>((up) => {
      void kaic
        .watch(plan, (status) => {
          this.#state.totals.see(status);
          up();
        })
        .finally(() => kaic.close());
    });
    await this.#within(START_MS, engineUp, 'the media engine did not start');
    if (!this.#early.signal.aborted) {
      this.#state.engine = await media.engine().catch(() => this.#state.engine);
    }
    await this.#within(START_MS, kaicUp, 'kaic did not start');
    const end = this.#options.forMs === undefined ? Infinity : this.#clock.monotonic() + this.#options.forMs;
    while (!this.#early.signal.aborted && this.#clock.monotonic() < end) {
      await this.#look();
      const left = Math.min(POLL_MS, end - this.#clock.monotonic());
      await sleep(this.#clock, Math.max(0, left), this.#early.signal).catch(() => undefined);
    }
  }

  /** One look at everything: the cameras' counts, the footage on disk, the table. */
  async #look(): Promise<void> {
    if (this.#supervisor.send(SIMCAM, { type: 'count' })) {
      await Promise.race([this.#simcam.next('counts'), sleep(this.#clock, POLL_MS)]);
    }
    this.#count();
    this.#display.show(this.#state, this.#elapsed());
  }

  #count(fromDisk: 'new' | 'all' = 'new'): void {
    for (const camera of this.#state.cameras) {
      if (fromDisk === 'new') camera.recording.poll();
      else camera.recording.recount();
      if (camera.simulated) camera.framesSent = this.#simcam.camera(camera.id)?.framesSent ?? 0;
    }
  }

  /** Cameras first, so that the engine has the time to write what they sent; the engine last. */
  async #windDown(engine: string, simulated: boolean): Promise<void> {
    this.#mediaWatch.abort();
    if (simulated && this.#supervisor.send(SIMCAM, { type: 'finish' })) {
      const finished = this.#simcam.next('finished').then(() => true);
      const timeout = sleep(this.#clock, CAMERAS_END_MS).then(() => false);
      if (!(await Promise.race([finished, timeout])))
        this.#error('the simulated cameras did not end in time');
    }
    await sleep(this.#clock, LAST_RESULTS_MS);
    this.#kaicWatch.abort();
    const patience = this.#clock.monotonic() + LAST_FRAMES_MS;
    do {
      this.#count();
      await sleep(this.#clock, 100);
    } while (
      this.#clock.monotonic() < patience &&
      this.#state.cameras.some((camera) => framesLost(camera) !== 0)
    );
    await this.#supervisor.stop(
      ['opennvr-kaic', 'opennvr-adapter-motion', 'opennvr-decoder', engine],
      STOP_GRACE_MS,
    );
    this.#count('all');
  }

  #conclude(recordingsDir: string): string | undefined {
    const disk = statfsSync(recordingsDir);
    if (disk.bavail * disk.bsize < FULL_DISK_BYTES)
      this.#error(`the disk that holds ${recordingsDir} is full`);
    this.#display.final(this.#state, this.#elapsed());
    const report = `${JSON.stringify(buildReport(this.#state), null, 2)}\n`;
    if (this.#options.report !== undefined) writeFileSync(this.#options.report, report);
    this.#out.write(`\nRecordings: ${recordingsDir}\n`);
    return this.#gone ?? verdict(this.#state);
  }

  #onCamera(status: CameraStatus): void {
    const camera: DemoCamera | undefined = this.#state.cameras.find(({ id }) => id === status.id);
    if (!camera) return;
    camera.state = describeState(status);
    camera.codec = status.tracks.find((track) => track.width > 0)?.codec ?? camera.codec;
    // An engine that is still starting fails its cameras for that reason; the supervisor tells when it ends.
    const itself = status.reason !== FailureReason.FAILURE_REASON_ENGINE;
    const detail = camera.state === 'failed' && itself ? status.detail : '';
    if (detail !== '' && this.#failedDetails.get(camera.id) !== detail) {
      this.#error(`camera ${camera.id}: ${detail}`);
    }
    this.#failedDetails.set(camera.id, detail);
  }

  /** Waits, but neither for ever nor past a Ctrl-C. What does not come in time ends the demo. */
  async #within(ms: number, event: Promise<void>, problem: string): Promise<void> {
    const signal = this.#early.signal;
    if (signal.aborted) return;
    const outcome = await Promise.race([
      event.then(() => 'came' as const),
      sleep(this.#clock, ms, signal).then(
        () => 'late' as const,
        () => 'early' as const,
      ),
    ]);
    if (outcome !== 'late') return;
    this.#gone ??= `After ${ms / 1000} s ${problem}.`;
    this.#early.abort();
  }

  #error(message: string): void {
    const text = `${(this.#elapsed() / 1000).toFixed(1)} s: ${message}`;
    if (this.#state.errors.length < MAX_ERRORS) this.#state.errors.push(text);
  }

  #elapsed(): number {
    return this.#clock.monotonic() - this.#startedAt;
  }
}

/** Better now than after half an hour of demo. @throws CliError naming the file. */
function checkWritable(report: string): void {
  try {
    writeFileSync(report, '', { flag: 'a' });
  } catch (error) {
    throw new CliError(EXIT.usage, `--report: ${(error as Error).message}`);
  }
}
