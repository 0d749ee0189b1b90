import { uint16At } from './byte.ts';
import { MAX_DROPOUT, MAX_MISORDER, sequenceDelta } from './wrap.ts';

export interface ReorderOptions {
  /** Packets that may be waited for, 1 to 1024; 64 when not given. */
  window?: number;
  /** Packets in sequence. The bytes are valid during the call only. */
  onPacket(buf: Buffer, start: number, end: number): void;
  /** `count` sequence numbers were given up. Called before the packet that follows them. */
  onLost?(count: number): void;
}

export interface ReorderStats {
  received: number;
  lost: number;
  /** Copies of a packet that is held or was delivered, and packets that came after they were given up. */
  discarded: number;
}

/**
 * Puts the RTP packets of a UDP track back in sequence. Packets that are in sequence already pass through without
 * a copy; only those that came early are copied and held, at most `window` of them.
 *
 * A hole is given up when the window runs past it, or when it has been open for a whole interval between two calls
 * of {@link poll}, which the owner makes every 50 ms or so.
 */
export class ReorderBuffer {
  readonly stats: Readonly<ReorderStats>;
  readonly #stats: ReorderStats = { received: 0, lost: 0, discarded: 0 };
  readonly #window: number;
  readonly #onPacket: ReorderOptions['onPacket'];
  readonly #onLost: ReorderOptions['onLost'];
  /** Packets that came early, by sequence number. */
  readonly #held = new Map<number, Buffer>();
  /** Next sequence number to deliver, -1 before the first packet. */
  #next = -1;
  /** The successor of a packet far out of range: two in a row mean that the sender started over (RFC 3550 A.1). */
  #restartAt = -1;
  /** `#next` at the last poll that found a hole, -1 otherwise. */
  #holeAtPoll = -1;

  constructor({ window = 64, onPacket, onLost }: ReorderOptions) {
    this.stats = this.#stats;
    this.#window = Math.min(Math.max(window, 1), 1024);
    this.#onPacket = onPacket;
    this.#onLost = onLost;
  }

  /** Takes the packet in `buf[start, end)`; too short a one for a sequence number is dropped. */
  push(buf: Buffer, start: number, end: number): void {
    if (end - start < 4) return;
    this.#stats.received++;
    const sequenceNumber = uint16At(buf, start + 2);
    if (this.#next < 0) this.#next = sequenceNumber;
    const ahead = sequenceDelta(this.#next, sequenceNumber);
    if (ahead > MAX_DROPOUT || ahead < -MAX_MISORDER) {
      if (!this.#startsOver(sequenceNumber)) return;
    } else {
      this.#restartAt = -1;
      if (ahead < 0 || this.#held.has(sequenceNumber)) {
        this.#stats.discarded++;
        return;
      }
      this.#advance(ahead - this.#window + 1);
    }
    if (sequenceNumber === this.#next) {
      this.#deliver(buf, start, end);
      this.#deliverHeld();
    } else {
      this.#held.set(sequenceNumber, Buffer.from(buf.subarray(start, end)));
    }
  }

  /** Gives up the hole that was open at the call before, if it still is. */
  poll(): void {
    if (this.#held.size > 0 && this.#next === this.#holeAtPoll) this.#giveUpHole();
    this.#holeAtPoll = this.#held.size > 0 ? this.#next : -1;
  }

  /** Delivers everything held, giving up every hole; for the end of a session. */
  flush(): void {
    while (this.#held.size > 0) this.#giveUpHole();
  }

  /** Moves the window on by `count` packets, delivering those held and giving up the others. */
  #advance(count: number): void {
    let missing = 0;
    for (let i = 0; i < count; i++) {
      const held = this.#held.get(this.#next);
      if (held) {
        this.#lose(missing);
        missing = 0;
        this.#held.delete(this.#next);
        this.#deliver(held, 0, held.length);
      } else {
        missing++;
        this.#next = (this.#next + 1) & 0xffff;
      }
    }
    this.#lose(missing);
    // What was held right behind the window's old end may be next now.
    if (count > 0) this.#deliverHeld();
  }

  #giveUpHole(): void {
    let missing = 0;
    while (!this.#held.has((this.#next + missing) & 0xffff)) missing++;
    this.#next = (this.#next + missing) & 0xffff;
    this.#lose(missing);
    this.#deliverHeld();
  }

  /** A packet far out of range: dropped, unless it follows another one like it. */
  #startsOver(sequenceNumber: number): boolean {
    if (sequenceNumber !== this.#restartAt) {
      this.#restartAt = (sequenceNumber + 1) & 0xffff;
      return false;
    }
    this.#restartAt = -1;
    this.flush();
    this.#next = sequenceNumber;
    this.#lose(1);
    return true;
  }

  #deliverHeld(): void {
    for (let held = this.#held.get(this.#next); held; held = this.#held.get(this.#next)) {
      this.#held.delete(this.#next);
      this.#deliver(held, 0, held.length);
    }
  }

  #deliver(buf: Buffer, start: number, end: number): void {
    this.#next = (this.#next + 1) & 0xffff;
    this.#onPacket(buf, start, end);
  }

  #lose(count: number): void {
    if (count === 0) return;
    this.#stats.lost += count;
    this.#onLost?.(count);
  }
}
