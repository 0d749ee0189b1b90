import { join } from 'node:path';
import type { Track } from '@opennvr/rtsp';
import type { Clock, Logger } from '@opennvr/service';
import type { AudioFormat, Block, VideoFormat } from './recorder/format.ts';
import { Recorder } from './recorder/recorder.ts';
import { audioFormat, sameFormat } from './tracks.ts';

export interface RecordingSettings {
  folder: string;
  ffmpeg: string;
  segmentSeconds: number;
  partMs: number;
}

interface Context {
  clock: Clock;
  log: Logger;
  onRecording(recording: boolean): void;
}

/**
 * Decides when a camera's recording begins and ends: on and off, reconnects, changes of resolution. A recording that
 * ended is still being written out while its successor has begun.
 */
export class CameraRecorder {
  readonly #id: string;
  readonly #settings: RecordingSettings;
  readonly #context: Context;
  readonly #ending = new Set<Promise<void>>();
  #record: boolean;
  #current: { recorder: Recorder; video: VideoFormat } | undefined;
  #audio: AudioFormat | undefined;

  constructor(id: string, record: boolean, settings: RecordingSettings, context: Context) {
    this.#id = id;
    this.#record = record;
    this.#settings = settings;
    this.#context = { ...context, log: context.log.child({ camera: id }) };
  }

  setRecord(record: boolean): void {
    this.#record = record;
    if (!record) this.interrupt();
  }

  /** A new session with the camera. */
  begin(tracks: readonly Track[]): void {
    this.interrupt();
    const track = tracks.find((t) => t.kind === 'audio');
    this.#audio = audioFormat(track);
    if (track && !this.#audio)
      this.#context.log.warn({ codec: track.codec }, 'audio is not recorded: its description is incomplete');
  }

  video(format: VideoFormat, block: Block): void {
    if (!this.#record) return;
    if (block.keyframe && this.#current && !sameFormat(this.#current.video, format)) this.interrupt();
    if (block.keyframe && !this.#current) this.#start(format);
    this.#current?.recorder.write(block);
  }

  audio(block: Block): void {
    if (this.#audio) this.#current?.recorder.write(block);
  }

  /** Ends the segment: what comes next does not continue it. */
  interrupt(): void {
    const current = this.#current;
    if (!current) return;
    this.#current = undefined;
    const ended = current.recorder.finish().then(() => {
      this.#ending.delete(ended);
      if (!this.#current) this.#context.onRecording(false);
    });
    this.#ending.add(ended);
  }

  /** Resolves once everything is on disk. */
  async stop(): Promise<void> {
    this.#record = false;
    this.interrupt();
    await Promise.all(this.#ending);
  }

  #start(video: VideoFormat): void {
    const { folder, ffmpeg, segmentSeconds, partMs } = this.#settings;
    const { clock, log } = this.#context;
    const recorder = new Recorder({
      clock,
      log,
      ffmpeg,
      segmentSeconds,
      partMs,
      folder: join(folder, this.#id),
      format: { video, audio: this.#audio },
      onRecording: (recording) => {
        if (this.#current?.recorder === recorder) this.#context.onRecording(recording);
      },
    });
    this.#current = { recorder, video };
  }
}
