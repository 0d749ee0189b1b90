import type { RtspError, Track } from '../types.ts';
import { Session, type SessionOptions } from './session.ts';

export interface Backoff {
  /** Shortest wait between two attempts, ms. */
  minMs: number;
  /** Longest wait, ms. */
  maxMs: number;
}

export interface RtspSourceOptions extends SessionOptions {
  /** 250 ms to 30 s when not given. */
  backoff?: Backoff;
}

export interface RtspSourceState {
  name: 'connecting' | 'playing' | 'failed';
  /** Why it failed. */
  error?: RtspError;
  /** When the next attempt starts, ms from now. */
  retryInMs?: number;
  transport?: 'tcp' | 'udp';
}

export interface RtspSourceHandler {
  /** The tracks that will be played, before the first packet of each session. */
  onTracks(tracks: readonly Track[]): void;
  /** One RTP packet; `buf[start, end)` is valid during the call only. An RtspError thrown here ends the session. */
  onPacket(track: Track, buf: Buffer, start: number, end: number): void;
  onState(state: RtspSourceState): void;
}

const DEFAULT_BACKOFF: Backoff = { minMs: 250, maxMs: 30_000 };
/** A session that played this long was a good one: the next wait starts short again. */
const STABLE_MS = 10_000;
/** Asking again soon does not mend these, and may lock the account. */
const LASTING = new Set(['unauthorized', 'redirected', 'tls', 'unsupported']);

/**
 * Keeps one camera playing: a session at a time, after its end a wait, then the next. Waits grow from
 * `minMs` twofold to `maxMs` and are drawn evenly between `minMs` and that bound ("full jitter" with a
 * floor), so a camera that hangs up at once costs a few connections a minute.
 */
export class RtspSource {
  readonly #options: RtspSourceOptions;
  readonly #handler: RtspSourceHandler;
  readonly #backoff: Backoff;
  #session: Session | undefined;
  #cancelRetry: (() => void) | undefined;
  #running = false;
  #failures = 0;
  #playingSince: number | undefined;

  constructor(options: RtspSourceOptions, handler: RtspSourceHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
  }

  /** Everything that can go wrong is told by `onState`; nothing is thrown. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#failures = 0;
    this.#connect();
  }

  /** Resolves once the camera is let go; no handler is called any more. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#cancelRetry?.();
    const session = this.#session;
    this.#session = undefined;
    await session?.stop();
  }

  /**
   * Reads from the camera at most once every `ms`; what comes in between waits in the kernel, so keep `ms`
   * times the bitrate below what its buffers hold (some 100 KiB). 0, as every session starts: at once.
   * Over TCP without TLS; has no effect otherwise.
   */
  readEvery(ms: number): void {
    this.#session?.readEvery(ms);
  }

  #connect(): void {
    this.#playingSince = undefined;
    this.#handler.onState({ name: 'connecting' });
    if (!this.#running) return;
    const session: Session = new Session(this.#options, {
      onTracks: (tracks) => this.#handler.onTracks(tracks),
      onPacket: (track, buf, start, end) => this.#handler.onPacket(track, buf, start, end),
      onPlaying: (transport) => {
        this.#playingSince = this.#options.clock.monotonic();
        this.#handler.onState({ name: 'playing', transport });
      },
      onEnd: (error) => {
        if (this.#session === session) this.#retry(error);
      },
    });
    this.#session = session;
    session.start();
  }

  #retry(error: RtspError): void {
    this.#session = undefined;
    const { clock, random } = this.#options;
    const { minMs, maxMs } = this.#backoff;
    const stable = this.#playingSince !== undefined && clock.monotonic() - this.#playingSince >= STABLE_MS;
    this.#failures = stable ? 1 : this.#failures + 1;
    const grown = LASTING.has(error.code)
      ? maxMs
      : Math.min(maxMs, minMs * 2 ** Math.min(this.#failures, 30));
    const retryInMs = Math.round(minMs + random() * Math.max(0, grown - minMs));
    this.#cancelRetry = clock.after(retryInMs, () => this.#connect());
    this.#handler.onState({ name: 'failed', error, retryInMs });
  }
}
