import { type CameraStatus, REASON, reasonOf, STATE, type TrackInfo } from '@opennvr/media';
import type { PlannedCamera } from './config.ts';
import type { PathState } from './control-api.ts';
import type { Verdict } from './prober.ts';

/** Online, but no byte for this long. MediaMTX itself gives up on a camera only after 10 s. */
const STALLED_MS = 5000;
/** MediaMTX tries again every 5 s; a camera that answers us should be online after two attempts. */
const SHOULD_BE_ONLINE_MS = 12_000;
/** A camera may change its resolution without reconnecting. */
const LEARN_EVERY_MS = 30_000;
const LEARN_AGAIN_MS = 2000;
const LEARN_PATIENCE_MS = 3000;
const FIRST_PROBE_PAUSE_MS = 2000;
const MAX_PROBE_PAUSE_MS = 60_000;
/** RTSP status "Unsupported Transport" (RFC 2326 section 11.3.9) in MediaMTX's log. */
const UNSUPPORTED_TRANSPORT = /\b461\b/;
const UNSUPPORTED_MEDIA = /no medias have been|unsupported codec|no supported/i;

type Status = Omit<CameraStatus, 'id' | 'since'>;

/** One camera over time: MediaMTX's polls, our probes and its log in, the camera's state out. Times are monotonic ms. */
export class CameraWatch {
  camera: PlannedCamera;
  #engineUp: boolean;
  #online = false;
  #wasOnline = false;
  #offlineSince: number;
  #viaSince: number;
  #bytes = 0;
  #total = 0;
  #progressAt = 0;
  #tracks: TrackInfo[] = [];
  /** Better than what MediaMTX's API says, where we had to ask elsewhere. */
  #learned: TrackInfo[] | undefined;
  #learnAt = 0;
  /** Until then the camera counts as connecting, for want of its tracks. */
  #learnBy: number | undefined;
  #recording = false;
  #verdict: Verdict | undefined;
  #problem = '';
  #probePause = 0;
  #probeAt: number;

  constructor(camera: PlannedCamera, engineUp: boolean, now: number) {
    this.camera = camera;
    this.#engineUp = engineUp;
    this.#offlineSince = now;
    this.#viaSince = now;
    this.#probeAt = now + FIRST_PROBE_PAUSE_MS;
  }

  get online(): boolean {
    return this.#online;
  }

  /** What MediaMTX says of the path; undefined when it has none. Returns true when the camera has just come online. */
  polled(path: PathState | undefined, recording: boolean, now: number): boolean {
    this.#engineUp = true;
    const before = this.#online;
    this.#online = path?.online ?? false;
    if (!path || !this.#online) {
      if (before) this.#wentOffline(now);
      this.#recording = false;
      return false;
    }
    // The counter begins anew with every connection.
    const growth = path.bytes >= this.#bytes ? path.bytes - this.#bytes : path.bytes;
    this.#bytes = path.bytes;
    this.#total += growth;
    if (growth > 0 || !before) this.#progressAt = now;
    this.#recording = recording;
    if (path.tracks.length > 0) this.#tracks = path.tracks;
    if (!before) {
      this.#wasOnline = true;
      this.#verdict = undefined;
      this.#problem = '';
      this.#probePause = 0;
      this.#learned = undefined;
      this.#learnAt = now;
      this.#learnBy = undefined;
    }
    return !before;
  }

  engineDown(now: number): void {
    this.#engineUp = false;
    this.#recording = false;
    if (this.#online) this.#wentOffline(now);
    this.#online = false;
    // It was not the camera that went away.
    this.#wasOnline = false;
  }

  #wentOffline(now: number): void {
    this.#offlineSince = now;
    this.#bytes = 0;
    this.#verdict = undefined;
    this.#probeAt = now;
  }

  /** Time to read the tracks from MediaMTX's session description; the next time is set with it. */
  learnDue(now: number): boolean {
    if (!this.#online || now < this.#learnAt) return false;
    this.#learnAt = now + LEARN_AGAIN_MS;
    this.#learnBy ??= now + LEARN_PATIENCE_MS;
    return true;
  }

  learned(tracks: TrackInfo[], now: number): void {
    this.#learned = tracks;
    const complete = tracks.every(({ codec, width }) => width > 0 || !isVideoWeKnow(codec));
    if (complete) this.#learnAt = now + LEARN_EVERY_MS;
  }

  /** @param jitter in [0, 1) */
  answered(verdict: Verdict, now: number, jitter: number): void {
    if (!this.#online) this.#verdict = verdict;
    this.#probePause = Math.min(MAX_PROBE_PAUSE_MS, Math.max(FIRST_PROBE_PAUSE_MS, this.#probePause * 2));
    this.#probeAt = now + this.#probePause * (0.75 + jitter / 2);
  }

  /** MediaMTX logged an error about this camera. */
  complained(problem: string): void {
    this.#problem = problem;
  }

  probeDue(now: number): boolean {
    return !this.#online && now >= this.#probeAt;
  }

  /** True when the camera answers but does not take the way we chose for it, and the choice is ours. */
  wantsOtherTransport(now: number): boolean {
    const { transport, tlsFingerprint, held } = this.camera;
    // RTP over UDP would leave an rtsps:// stream unencrypted.
    const ours = transport === 0 && tlsFingerprint === '' && held === '';
    if (!ours || this.#online || !this.#verdict?.ok) return false;
    return UNSUPPORTED_TRANSPORT.test(this.#problem) || this.#overdue(now);
  }

  replan(camera: PlannedCamera, now: number): void {
    if (camera.via !== this.camera.via || camera.held !== this.camera.held) {
      this.#viaSince = now;
      this.#problem = '';
    }
    this.camera = camera;
  }

  status(now: number): Status {
    const failed = (reason: Status['reason'], detail: string) => ({ state: STATE.failed, reason, detail });
    const tracks = this.#learned ?? this.#tracks;
    const common = { tracks, recording: this.#recording, bytesReceived: this.#total };
    return { ...common, ...this.#state(now, failed) };
  }

  #state<T>(now: number, failed: (reason: Status['reason'], detail: string) => T) {
    const connecting = { state: STATE.connecting, reason: REASON.none, detail: '' };
    if (!this.#engineUp) return failed(REASON.engine, 'MediaMTX is not running');
    const verdict = this.#verdict;
    if (this.camera.held === 'caught')
      return failed(
        REASON.redirected,
        'the camera led MediaMTX to another address; change its settings to try again',
      );
    if (this.camera.held === 'redirects') {
      const why =
        verdict && !verdict.ok && verdict.code === 'redirected' ? verdict.message : 'the camera redirects';
      return failed(REASON.redirected, why);
    }
    if (this.#online) {
      if (this.#learnBy !== undefined && this.#learned === undefined && now < this.#learnBy)
        return connecting;
      // MediaMTX would go on with it; nothing after us can.
      const codecs = this.#tracks.map(({ codec }) => codec);
      if (codecs.length > 0 && !codecs.some(isVideoWeKnow))
        return failed(
          REASON.unsupportedCodec,
          `the camera offers no H.264 or H.265 video, only ${codecs.join(', ')}`,
        );
      if (now - this.#progressAt >= STALLED_MS)
        return failed(REASON.stalled, `connected, but nothing has come for ${STALLED_MS / 1000} s`);
      return { state: STATE.online, reason: REASON.none, detail: '' };
    }
    if (verdict && !verdict.ok) return failed(reasonOf(verdict.code), verdict.message);
    if (verdict && this.#overdue(now)) {
      const reason = UNSUPPORTED_MEDIA.test(this.#problem) ? REASON.unsupportedCodec : REASON.protocol;
      return failed(reason, this.#problem || 'the camera answers, but its stream does not start');
    }
    if (this.#wasOnline && !verdict) return failed(REASON.disconnected, 'the camera closed the connection');
    return connecting;
  }

  #overdue(now: number): boolean {
    return now - Math.max(this.#offlineSince, this.#viaSince) >= SHOULD_BE_ONLINE_MS;
  }
}

function isVideoWeKnow(codec: string): boolean {
  return codec === 'h264' || codec === 'h265';
}
