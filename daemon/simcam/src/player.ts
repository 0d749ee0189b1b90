import { type Clock, frameNumberSei, Packetizer, type Random } from '@opennvr/rtsp';
import { AacPacketizer } from './aac.ts';
import type { Clip } from './clip.ts';

export const VIDEO_PAYLOAD_TYPE = 96;
export const AUDIO_PAYLOAD_TYPE = 97;
/** RTP payload bytes that fit an Ethernet frame over UDP/IPv4. */
const MTU = 1400;
const SAMPLES_PER_AAC_FRAME = 1024;
/** A process that was stopped for longer than this does not send what it missed, as a camera would not. */
const CATCH_UP_MS = 1000;
/**
 * Sound is on the wire this long before the first picture, as with cameras that wait for a keyframe.
 * It matters: MediaMTX 1.20 starts a segment with the first sample it can write. When that is a sound whose
 * packet came after the first picture's, the picture lies before the segment and is thrown away.
 */
const SOUND_LEADS_MS = 40;

export interface PlayerOptions {
  clock: Clock;
  random: Random;
  /** One RTP packet; owned by the receiver. */
  send(track: 'video' | 'audio', packet: Buffer): void;
  /** One numbered frame has been handed to `send` completely. */
  onFrame(frame: number, keyframe: boolean): void;
  /** Nothing more will be sent, as {@link Player.finish} asked. May be called more than once. */
  onFinished(): void;
}

/**
 * Plays a clip for ever by the monotonic clock: each frame has a due time counted from the start, so lateness
 * never adds up, and RTP timestamps are those due times, so they neither jump nor repeat where the loop closes.
 */
export class Player {
  readonly #clip: Clip;
  readonly #options: PlayerOptions;
  readonly #video: Packetizer;
  readonly #audio: AacPacketizer;
  readonly #videoOffset: number;
  readonly #audioOffset: number;
  #frame: number;
  #gop = 0;
  #indexInGop = 0;
  /** When frame 0 of this run was due, and the first sound. */
  #startedAt = 0;
  #audioStartedAt = 0;
  #ticks = 0;
  #audioTicks = 0;
  #cancel: (() => void) | undefined;
  #finishing = false;

  /** @param firstFrame number that the first frame carries. */
  constructor(clip: Clip, firstFrame: number, options: PlayerOptions) {
    this.#clip = clip;
    this.#options = options;
    this.#frame = firstFrame;
    const random32 = () => Math.floor(options.random() * 2 ** 32);
    this.#videoOffset = random32();
    this.#audioOffset = random32();
    this.#video = new Packetizer({
      codec: clip.spec.codec,
      payloadType: VIDEO_PAYLOAD_TYPE,
      ssrc: random32(),
      mtu: MTU,
    });
    this.#audio = new AacPacketizer({
      payloadType: AUDIO_PAYLOAD_TYPE,
      ssrc: random32(),
      sequence: random32(),
    });
  }

  /** Number the next frame will carry. */
  get nextFrame(): number {
    return this.#frame;
  }

  get playing(): boolean {
    return this.#cancel !== undefined;
  }

  /** Starts with a keyframe, now. */
  play(): void {
    if (this.playing) return;
    this.#startAt(this.#options.clock.monotonic());
    this.cut();
    this.#tick();
  }

  /** Makes the next frame a keyframe: GOPs are closed, so any may follow after any frame. */
  cut(): void {
    if (this.#indexInGop === 0) return;
    this.#indexInGop = 0;
    this.#gop = (this.#gop + 1) % this.#clip.gops.length;
  }

  pause(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#finishing) this.#options.onFinished();
  }

  /**
   * Plays to the end of the GOP, then one keyframe without a number, then nothing more.
   * That last one is for recorders: a frame's duration is known only once the next one is there, and MediaMTX
   * throws away the frame it holds when a camera leaves. This way it is one that nobody counts.
   */
  finish(): void {
    this.#finishing = true;
    if (!this.playing) this.#options.onFinished();
  }

  #tick(): void {
    const now = this.#options.clock.monotonic();
    const frameMs = 1000 / this.#clip.spec.fps;
    if (now - this.#startedAt - this.#ticks * frameMs > CATCH_UP_MS) this.#startAt(now);
    this.#sendAudioUntil(now);
    while (this.#startedAt + this.#ticks * frameMs <= now) {
      if (this.#finishing && this.#indexInGop === 0) {
        this.#sendVideo(false);
        this.pause();
        return;
      }
      this.#sendVideo(true);
    }
    const wait = this.#startedAt + this.#ticks * frameMs - this.#options.clock.monotonic();
    this.#cancel = this.#options.clock.after(Math.max(0, wait), () => this.#tick());
  }

  #startAt(now: number): void {
    this.#audioStartedAt = now;
    this.#startedAt = now + (this.#clip.audio ? SOUND_LEADS_MS : 0);
    this.#ticks = 0;
    this.#audioTicks = 0;
  }

  #sendVideo(numbered: boolean): void {
    const { clip, frame } = { clip: this.#clip, frame: this.#frame };
    const unit = clip.gops[this.#gop]?.[this.#indexInGop] ?? [];
    const keyframe = this.#indexInGop === 0;
    const dueMs = this.#startedAt + (this.#ticks * 1000) / clip.spec.fps;
    const timestamp = (Math.round(dueMs * 90) + this.#videoOffset) >>> 0;
    const nalUnits = numbered ? withFrameNumber(clip, unit, frame) : [...unit];
    for (const packet of this.#video.packetize(nalUnits, timestamp)) this.#options.send('video', packet);
    this.#ticks += 1;
    this.#indexInGop += 1;
    if (this.#indexInGop >= (clip.gops[this.#gop]?.length ?? 0)) {
      this.#indexInGop = 0;
      this.#gop = (this.#gop + 1) % clip.gops.length;
    }
    if (!numbered) return;
    this.#frame += 1;
    this.#options.onFrame(frame, keyframe);
  }

  #sendAudioUntil(now: number): void {
    const audio = this.#clip.audio;
    if (!audio) return;
    const samplesAt = (ticks: number) => ticks * SAMPLES_PER_AAC_FRAME;
    while (this.#audioStartedAt + (samplesAt(this.#audioTicks) * 1000) / audio.sampleRate <= now) {
      const frame = audio.frames[this.#audioTicks % audio.frames.length];
      if (!frame) return;
      const start = Math.round((this.#audioStartedAt * audio.sampleRate) / 1000);
      const timestamp = (start + samplesAt(this.#audioTicks) + this.#audioOffset) % 2 ** 32;
      this.#options.send('audio', this.#audio.packetize(frame, timestamp));
      this.#audioTicks += 1;
    }
  }
}

/** The access unit with its number in an SEI before the first slice, where both codecs want it. */
function withFrameNumber(clip: Clip, unit: readonly Buffer[], frame: number): Buffer[] {
  const isSlice =
    clip.spec.codec === 'h264'
      ? (nal: Buffer) => ((nal[0] ?? 0) & 0x1f) <= 5
      : (nal: Buffer) => (((nal[0] ?? 0) >> 1) & 0x3f) < 32;
  const at = unit.findIndex(isSlice);
  return [...unit.slice(0, at), frameNumberSei(clip.spec.codec, frame), ...unit.slice(at)];
}
