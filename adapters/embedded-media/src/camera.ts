import { type CameraSpec, REASON, reasonOf, STATE, type StatusBoard } from '@opennvr/media';
import {
  type AccessUnit,
  RtspError,
  RtspSource,
  type RtspSourceState,
  type ServedStream,
  type Track,
} from '@opennvr/rtsp';
import type { Clock, Logger } from '@opennvr/service';
import { CameraRecorder, type RecordingSettings } from './camera-recorder.ts';
import { Demuxer } from './demuxer.ts';
import type { VideoFormat } from './recorder/format.ts';
import { isVideo, sameFormat, trackChooser, trackInfo, videoFormat } from './tracks.ts';

/** Somebody who watches live. */
export interface Viewer {
  onAccessUnit(unit: AccessUnit): void;
  /** One RTP packet; the bytes are valid during the call only. */
  onAudio(buf: Buffer, start: number, end: number): void;
  /** The camera is gone or has changed so much that the session cannot go on. */
  onEnd(): void;
}

export interface CameraContext {
  clock: Clock;
  random: () => number;
  log: Logger;
  board: StatusBoard;
  recording: RecordingSettings;
  /** Puts a stream on the loopback RTSP server. */
  serve(id: string, tracks: readonly Track[]): ServedStream;
}

const TRANSPORTS = new Map([
  [0, 'auto'],
  [1, 'tcp'],
  [2, 'udp'],
] as const);
const COUNT_EVERY_MS = 1000;

/** One camera: a single connection to it, given on to the recorder, to local readers and to viewers. */
export class Camera {
  readonly spec: CameraSpec;
  readonly #context: CameraContext;
  readonly #source: RtspSource;
  readonly #recorder: CameraRecorder;
  readonly #viewers = new Set<Viewer>();
  #tracks: readonly Track[] = [];
  #format: VideoFormat | undefined;
  #stream: ServedStream | undefined;
  #demuxer: Demuxer | undefined;
  #transport = '';
  #online = false;
  #bytes: number;
  #cancelCount: () => void = () => undefined;

  constructor(spec: CameraSpec, context: CameraContext) {
    const { clock, random, board } = context;
    this.spec = spec;
    this.#context = context;
    this.#bytes = board.get(spec.id)?.bytesReceived ?? 0;
    this.#recorder = new CameraRecorder(spec.id, spec.record, context.recording, {
      clock,
      log: context.log,
      onRecording: (recording) => board.update(spec.id, { recording }),
    });
    const wantTrack = trackChooser();
    this.#source = new RtspSource(
      {
        url: spec.url,
        ...(spec.username === '' ? {} : { username: spec.username, password: spec.password }),
        ...(spec.tlsFingerprint === '' ? {} : { tlsFingerprint: spec.tlsFingerprint }),
        transport: TRANSPORTS.get(spec.transport as 0 | 1 | 2) ?? 'auto',
        clock,
        random,
        wantTrack,
      },
      {
        onTracks: (tracks) => this.#onTracks(tracks),
        onPacket: (track, buf, start, end) => this.#onPacket(track, buf, start, end),
        onState: (state) => this.#onState(state),
      },
    );
  }

  /** What viewers get; empty while the camera is away. */
  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  get format(): VideoFormat | undefined {
    return this.#format;
  }

  start(): void {
    this.#source.start();
    this.#count();
  }

  /** Lets go of the camera and closes its segment. */
  async stop(): Promise<void> {
    this.#cancelCount();
    await this.#source.stop();
    this.#disconnect();
    await this.#recorder.stop();
  }

  /** Takes effect without touching the connection: at the next keyframe, or at once for "off". */
  setRecord(record: boolean): void {
    this.spec.record = record;
    this.#recorder.setRecord(record);
  }

  /** Returns the function that takes the viewer away again. */
  watch(viewer: Viewer): () => void {
    this.#viewers.add(viewer);
    return () => this.#viewers.delete(viewer);
  }

  #onTracks(tracks: readonly Track[]): void {
    if (!tracks.some(isVideo))
      throw new RtspError('unsupported', 'the camera offers no H.264 or H.265 video');
    this.#disconnect();
    this.#tracks = tracks;
    this.#stream = this.#context.serve(this.spec.id, tracks);
    this.#recorder.begin(tracks);
    this.#demuxer = new Demuxer(tracks, this.#context.clock, {
      onVideo: (unit, block) => {
        this.#onVideo(unit);
        if (this.#format) this.#recorder.video(this.#format, block);
        for (const viewer of this.#viewers) viewer.onAccessUnit(unit);
      },
      onAudio: (block) => this.#recorder.audio(block),
    });
  }

  #onPacket(track: Track, buf: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    this.#stream?.writeRtp(this.#tracks.indexOf(track), buf, start, end);
    this.#demuxer?.push(track, buf, start, end);
    if (track.kind === 'audio') for (const viewer of this.#viewers) viewer.onAudio(buf, start, end);
    if (!this.#online) this.#goOnline();
  }

  #onVideo(unit: AccessUnit): void {
    if (!unit.keyframe) return;
    const format = videoFormat(unit);
    if (!format || (this.#format && sameFormat(format, this.#format))) return;
    this.#format = format;
    if (this.#online) this.#update({ tracks: trackInfo(this.#tracks, format) });
  }

  #goOnline(): void {
    this.#online = true;
    this.#update({
      state: STATE.online,
      reason: REASON.none,
      detail: `playing over ${this.#transport}`,
      tracks: trackInfo(this.#tracks, this.#format),
    });
  }

  #onState(state: RtspSourceState): void {
    if (state.name === 'playing') this.#transport = state.transport ?? 'tcp';
    if (state.name !== 'failed') return;
    this.#disconnect();
    this.#recorder.interrupt();
    const { code, message } = state.error ?? { code: 'disconnected', message: 'the session ended' };
    this.#context.log.warn({ camera: this.spec.id, reason: code, retryInMs: state.retryInMs }, message);
    this.#update({ state: STATE.failed, reason: reasonOf(code), detail: message, tracks: [] });
  }

  /** Readers and viewers come back by themselves once the camera does. */
  #disconnect(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#demuxer = undefined;
    this.#tracks = [];
    this.#format = undefined;
    this.#online = false;
    for (const viewer of [...this.#viewers]) viewer.onEnd();
    this.#viewers.clear();
  }

  #count(): void {
    this.#cancelCount = this.#context.clock.after(COUNT_EVERY_MS, () => {
      this.#update({});
      this.#count();
    });
  }

  #update(patch: Parameters<StatusBoard['update']>[1]): void {
    this.#context.board.update(this.spec.id, { ...patch, bytesReceived: this.#bytes });
  }
}
