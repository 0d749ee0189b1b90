import { writeSdp } from '../sdp/index.ts';
import type { Clock, Track } from '../types.ts';
import { InterleavedFanout } from './fanout.ts';
import type { Reader, ReaderInfo } from './reader.ts';
import { SenderClock } from './sender-clock.ts';

export interface StreamHooks {
  /** A reader has been told that it plays; what is written from now on reaches it. */
  onPlay?(reader: ReaderInfo): void;
  /** A reader that played has left or was dropped. */
  onStop?(reader: ReaderInfo): void;
}

/** What a stream needs of its server. */
export interface StreamHost {
  clock: Clock;
  /** Forgets the stream and hangs up on its readers. */
  onClose(stream: ServedStream): void;
}

const REPORT_MS = 5000;

/** One path of a server: a session description, and packets that go to all who play it. */
export class ServedStream {
  readonly path: string;
  readonly tracks: readonly Track[];
  readonly #host: StreamHost;
  readonly #hooks: StreamHooks;
  readonly #clocks: SenderClock[];
  /** By channel numbers; most readers choose the same. */
  readonly #fanouts = new Map<string, InterleavedFanout>();
  readonly #readers = new Set<Reader>();
  #cancelReport: (() => void) | undefined;

  /** `path` without slashes at its ends. */
  constructor(path: string, tracks: readonly Track[], hooks: StreamHooks, host: StreamHost) {
    this.path = path;
    this.tracks = tracks.map((track, index) => ({ ...track, index, control: `trackID=${index}` }));
    this.#hooks = hooks;
    this.#host = host;
    this.#clocks = tracks.map((track) => new SenderClock(host.clock, track.clockRate));
    this.#scheduleReport();
  }

  /** Readers that play now. */
  get readers(): number {
    return this.#readers.size;
  }

  /** Bytes that the slowest reader has yet to take. A source that can wait does so while this is large. */
  get queuedBytes(): number {
    let most = 0;
    for (const reader of this.#readers) most = Math.max(most, reader.queuedBytes);
    return most;
  }

  /** Answer to DESCRIBE. */
  describe(): string {
    return writeSdp({ tracks: this.tracks, name: this.path });
  }

  /**
   * Sends the RTP packet `buf[start, end)` of the track at that position to every playing reader. The bytes
   * are copied. What a reader does not take in time is the server's `onSlow` to decide.
   */
  writeRtp(trackIndex: number, buf: Buffer, start = 0, end = buf.length): void {
    this.#clocks[trackIndex]?.onPacket(buf, start, end);
    this.#send(trackIndex, 0, buf, start, end);
  }

  close(): void {
    this.#cancelReport?.();
    for (const reader of [...this.#readers]) reader.drop();
    this.#host.onClose(this);
  }

  /** From the server: this reader plays. */
  join(reader: Reader): void {
    if (this.#readers.has(reader)) return;
    this.#readers.add(reader);
    if (reader.transport === 'tcp') {
      const key = reader.channels.join();
      const fanout = this.#fanouts.get(key) ?? new InterleavedFanout(reader.channels);
      this.#fanouts.set(key, fanout);
      fanout.add(reader);
    }
    // Where several tracks start, receivers align them by the first reports.
    this.#report();
    this.#hooks.onPlay?.(reader.info);
  }

  /** From the server: this reader is gone. */
  leave(reader: Reader): void {
    if (!this.#readers.delete(reader)) return;
    if (reader.transport === 'tcp') {
      const key = reader.channels.join();
      const fanout = this.#fanouts.get(key);
      fanout?.delete(reader);
      if (fanout?.size === 0) this.#fanouts.delete(key);
    }
    this.#hooks.onStop?.(reader.info);
  }

  #send(track: number, offset: 0 | 1, buf: Buffer, start: number, end: number): void {
    for (const fanout of this.#fanouts.values()) fanout.send(track, offset, buf, start, end);
    let copy: Buffer | undefined;
    for (const reader of this.#readers) {
      if (reader.transport !== 'udp') continue;
      copy ??= Buffer.from(buf.subarray(start, end));
      reader.send(track, offset, copy);
    }
  }

  #report(): void {
    for (const [track, senderClock] of this.#clocks.entries()) {
      const report = senderClock.report();
      if (report) this.#send(track, 1, report, 0, report.length);
    }
  }

  #scheduleReport(): void {
    this.#cancelReport = this.#host.clock.after(REPORT_MS, () => {
      this.#report();
      this.#scheduleReport();
    });
  }
}

/**
 * Splits a request URL into a stream's path and the track of it that is meant. Clients put the control
 * value behind whatever they asked for, query included.
 */
export function readPath(url: string): { path: string; track: number | undefined } {
  const control = /\/trackID=(\d{1,3})\/?$/.exec(url);
  const whole = control ? url.slice(0, control.index) : url;
  const path = whole.replace(/^rtsps?:\/\/[^/?]*/i, '').replace(/[?#].*$/s, '');
  return { path: trimSlashes(path), track: control ? Number(control[1]) : undefined };
}

export function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}
