import { isDeepStrictEqual } from 'node:util';
import { TapState, type TapStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { CameraState, type CameraStatus, type ReadUrlResponse } from '@opennvr/proto/opennvr/media/v1/media';
import { type Random, RtspSource, type RtspSourceState } from '@opennvr/rtsp';
import type { CameraDirectory } from './media-link.ts';
import { isSliceable, Slicer, type SlicerOptions } from './slicer.ts';

/** Shortest time between two dials, ms: a camera that flaps costs a few a second. */
const MIN_PAUSE_MS = 250;
/** Longest wait for an engine on this same machine, ms. */
const MAX_PAUSE_MS = 5000;
/** Playing without a whole keyframe for this long is worth a word; long GOPs are some 10 s. */
const KEYFRAME_OVERDUE_MS = 30_000;

const { TAP_STATE_CONNECTING, TAP_STATE_RUNNING, TAP_STATE_FAILED } = TapState;

export interface TapOptions extends Omit<SlicerOptions, 'readEvery'> {
  media: CameraDirectory;
  random: Random;
}

/**
 * One camera's tap: keeps a session with the media engine and slices what comes. While the engine itself
 * says that it has no video of the camera, the tap does not dial but waits for word.
 */
export class Tap {
  readonly #options: TapOptions;
  readonly #slicer: Slicer;
  #source: RtspSource | undefined;
  /** What `#source` dials. */
  #address: ReadUrlResponse | undefined;
  #state: TapState = TAP_STATE_CONNECTING;
  #detail = '';
  #lastDial = Number.NEGATIVE_INFINITY;
  #cancelRetry: (() => void) | undefined;
  #asking = false;
  #closed = false;

  constructor(options: TapOptions) {
    this.#options = options;
    this.#slicer = new Slicer({ ...options, readEvery: (ms) => this.#source?.readEvery(ms) });
    this.#reconsider();
  }

  /** Takes effect with the next keyframe; the session is not touched. */
  adjust(options: Pick<TapOptions, 'intervalMs' | 'listener'>): void {
    this.#slicer.adjust(options);
  }

  /** The engine's word on this camera has changed. A session that plays is left alone: it ends by itself. */
  onCameraChange(): void {
    if (this.#state !== TAP_STATE_RUNNING) this.#reconsiderIn(MIN_PAUSE_MS);
  }

  status(): TapStatus {
    return { cameraId: this.#options.cameraId, ...this.#told(), ...this.#slicer.counters() };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    await this.#hangUp();
  }

  #told(): Pick<TapStatus, 'state' | 'detail'> {
    const { complaint, lastKeyframeAt } = this.#slicer;
    if (this.#state !== TAP_STATE_RUNNING) return { state: this.#state, detail: this.#detail };
    if (complaint !== '') return { state: TAP_STATE_FAILED, detail: complaint };
    const waited = this.#options.clock.monotonic() - lastKeyframeAt;
    const overdue = waited > KEYFRAME_OVERDUE_MS;
    return {
      state: TAP_STATE_RUNNING,
      detail: overdue ? `no keyframe for ${Math.floor(waited / 1000)} s` : '',
    };
  }

  #reconsiderIn(ms: number): void {
    this.#cancelRetry?.();
    this.#cancelRetry = this.#options.clock.after(ms, () => this.#reconsider());
  }

  #reconsider(): void {
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    this.#connect()
      .catch((error: unknown) => {
        this.#fail(`the media engine gives no address: ${error instanceof Error ? error.message : error}`);
        this.#reconsiderIn(MAX_PAUSE_MS);
      })
      .finally(() => {
        this.#asking = false;
      });
  }

  async #connect(): Promise<void> {
    const { cameraId, media, clock } = this.#options;
    const camera = this.#offline();
    if (camera) {
      await this.#hangUp();
      const failed = camera.state === CameraState.CAMERA_STATE_FAILED;
      this.#state = failed ? TAP_STATE_FAILED : TAP_STATE_CONNECTING;
      this.#detail = `the media engine has no video: ${camera.detail || 'it is connecting to the camera'}`;
      return;
    }
    const address = await media.readUrl(cameraId);
    if (this.#closed || this.#state === TAP_STATE_RUNNING) return;
    const wait = this.#lastDial + MIN_PAUSE_MS - clock.monotonic();
    if (wait > 0) return this.#reconsiderIn(wait);
    await this.#hangUp();
    if (!this.#closed) this.#dial(address);
  }

  #dial(address: ReadUrlResponse): void {
    const { clock, random } = this.#options;
    this.#lastDial = clock.monotonic();
    this.#address = address;
    const { url, username, password } = address;
    const source = new RtspSource(
      {
        url,
        ...(username === '' ? {} : { username, password }),
        transport: 'tcp',
        backoff: { minMs: MIN_PAUSE_MS, maxMs: MAX_PAUSE_MS },
        clock,
        random,
        wantTrack: isSliceable,
      },
      {
        onTracks: (tracks) => this.#slicer.begin(tracks),
        onPacket: (track, buf, start, end) => this.#slicer.push(track, buf, start, end),
        onState: (state) => this.#onState(state),
      },
    );
    this.#source = source;
    source.start();
  }

  #onState(state: RtspSourceState): void {
    if (state.name === 'playing') {
      this.#state = TAP_STATE_RUNNING;
      this.#detail = '';
    } else if (state.name === 'failed') {
      this.#fail(state.error ? `${state.error.code}: ${state.error.message}` : 'the session ended');
      this.#checkAddress();
    }
  }

  /**
   * The source dials again by itself. But the engine may have lost the camera, or have restarted with another
   * address or password.
   */
  #checkAddress(): void {
    const { cameraId, media } = this.#options;
    if (this.#offline()) {
      this.#reconsiderIn(MIN_PAUSE_MS);
      return;
    }
    media.readUrl(cameraId).then(
      (address) => {
        if (!isDeepStrictEqual(address, this.#address)) this.#reconsiderIn(MIN_PAUSE_MS);
      },
      // An engine that is away: the source keeps trying, and the engine's return is told by onCameraChange.
      () => undefined,
    );
  }

  /** The camera's status if the engine says that it has no video. */
  #offline(): CameraStatus | undefined {
    const camera = this.#options.media.status(this.#options.cameraId);
    return camera?.state === CameraState.CAMERA_STATE_ONLINE ? undefined : camera;
  }

  #fail(detail: string): void {
    this.#state = TAP_STATE_FAILED;
    this.#detail = detail;
  }

  async #hangUp(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    this.#slicer.end();
    await source?.stop();
  }
}
