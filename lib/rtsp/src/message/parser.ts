import { LIMITS, RtspError } from '../types.ts';
import { contentLength, parseHead } from './head.ts';
import type { RtspMessage } from './message.ts';

export interface StreamHandler {
  onMessage(message: RtspMessage): void;
  /** One interleaved frame (RFC 2326 10.12). `buf[start, end)` is valid during the call only. */
  onInterleaved(channel: number, buf: Buffer, start: number, end: number): void;
}

const DOLLAR = 0x24;
const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
/** '$', channel, 16 bit length. */
const FRAME_HEADER = 4;

/**
 * RTSP messages and interleaved frames out of a byte stream.
 *
 * Frames that lie whole in a pushed buffer are handed on in place, without a copy or an allocation. Only
 * what a buffer ends in the middle of is held: at most one frame, or the headers and the body of one message.
 */
export class StreamParser {
  readonly #handler: StreamHandler;
  #held: Buffer = Buffer.alloc(0);
  #heldLength = 0;
  /** The line being read has no byte yet: one more line end closes the headers. */
  #lineEmpty = false;
  #message: RtspMessage | undefined;
  #bodyLength = 0;
  #stopped = false;

  constructor(handler: StreamHandler) {
    this.#handler = handler;
  }

  /** Nothing more is handed on, also not from a buffer being pushed right now. */
  stop(): void {
    this.#stopped = true;
  }

  /** What an unfinished read is waiting for, in words; undefined between messages. */
  get waitingFor(): string | undefined {
    if (this.#message) return `a body, ${this.#bodyLength} of ${this.#message.body.length} bytes came`;
    if (this.#heldLength === 0) return undefined;
    return this.#held[0] === DOLLAR ? 'the rest of an interleaved frame' : 'the end of the headers';
  }

  /**
   * Takes the next bytes of the stream; they may be overwritten afterwards.
   *
   * @throws RtspError `protocol` or `limit`. The stream has lost its place then: push nothing more.
   */
  push(buf: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end && !this.#stopped) {
      if (this.#message) at = this.#readBody(this.#message, buf, at, end);
      else if (this.#heldLength === 0) at = this.#walk(buf, at, end);
      else if (this.#held[0] === DOLLAR) at = this.#finishFrame(buf, at, end);
      else at = this.#readHead(buf, at, end);
    }
  }

  /** Hands on whole frames in place; stops at the first thing that is none. */
  #walk(buf: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end && !this.#stopped) {
      const first = buf[at];
      if (first === DOLLAR) {
        const next = at + FRAME_HEADER <= end ? at + FRAME_HEADER + buf.readUInt16BE(at + 2) : end + 1;
        if (next > end) {
          this.#hold(buf, at, end);
          return end;
        }
        this.#handler.onInterleaved(buf.readUInt8(at + 1), buf, at + FRAME_HEADER, next);
        at = next;
      } else if (first === CR || first === LF) {
        at++; // Empty lines between messages are harmless and common.
      } else {
        return this.#readHead(buf, at, end);
      }
    }
    return at;
  }

  /** Completes the frame that an earlier buffer ended in. */
  #finishFrame(buf: Buffer, from: number, end: number): number {
    let at = from;
    if (this.#heldLength < FRAME_HEADER) {
      at = this.#holdUpTo(FRAME_HEADER, buf, at, end);
      if (this.#heldLength < FRAME_HEADER) return at;
    }
    const length = FRAME_HEADER + this.#held.readUInt16BE(2);
    at = this.#holdUpTo(length, buf, at, end);
    if (this.#heldLength < length) return at;
    this.#heldLength = 0;
    this.#handler.onInterleaved(this.#held.readUInt8(1), this.#held, FRAME_HEADER, length);
    return at;
  }

  #readHead(buf: Buffer, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      const byte = buf[at] ?? 0;
      if (byte === LF) {
        if (this.#lineEmpty) {
          this.#hold(buf, from, at + 1);
          this.#startMessage();
          return at + 1;
        }
        this.#lineEmpty = true;
      } else if (byte !== CR) {
        if ((byte < 0x20 && byte !== TAB) || byte === 0x7f) {
          throw new RtspError('protocol', 'garbage where a message or an interleaved frame should be');
        }
        this.#lineEmpty = false;
      }
    }
    this.#hold(buf, from, end);
    return end;
  }

  #startMessage(): void {
    const message = parseHead(this.#held.toString('utf8', 0, this.#heldLength));
    this.#heldLength = 0;
    this.#lineEmpty = false;
    const length = contentLength(message);
    if (length === 0) {
      this.#handler.onMessage(message);
      return;
    }
    message.body = Buffer.allocUnsafe(length);
    this.#bodyLength = 0;
    this.#message = message;
  }

  #readBody(message: RtspMessage, buf: Buffer, at: number, end: number): number {
    const taken = Math.min(end - at, message.body.length - this.#bodyLength);
    buf.copy(message.body, this.#bodyLength, at, at + taken);
    this.#bodyLength += taken;
    if (this.#bodyLength === message.body.length) {
      this.#message = undefined;
      this.#handler.onMessage(message);
    }
    return at + taken;
  }

  #holdUpTo(length: number, buf: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + length - this.#heldLength);
    this.#hold(buf, at, stop);
    return stop;
  }

  #hold(buf: Buffer, at: number, end: number): void {
    const length = this.#heldLength + end - at;
    const isFrame = (this.#heldLength > 0 ? this.#held[0] : buf[at]) === DOLLAR;
    if (!isFrame && length > LIMITS.headers) {
      throw new RtspError('limit', `headers longer than ${LIMITS.headers} bytes`);
    }
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(2048, 2 ** Math.ceil(Math.log2(length))));
      this.#held.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    buf.copy(this.#held, this.#heldLength, at, end);
    this.#heldLength = length;
  }
}
