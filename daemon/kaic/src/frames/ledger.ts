import type { VideoCodec } from '@opennvr/rtsp';

/** A frame in the ring, with the pictures made of it. */
export interface FrameEntry {
  number: number;
  codec: VideoCodec;
  /** Bytes taken by all its files. */
  bytes: number;
  /** Names in the camera's folder; the first is the frame itself. */
  files: string[];
}

/** What one camera has in the store. */
export interface CameraLedger {
  readonly id: string;
  /** Oldest first. */
  frames: FrameEntry[];
  bytes: number;
  /** Bytes of evicted frames that did not come back: a reader still holds them. */
  pinned: number;
  refused: number;
  lastNumber: number;
}

/** The books of the frame store: pure arithmetic, no files. */
export class Ledger {
  readonly #cameras = new Map<string, CameraLedger>();
  /** Frames of cameras that have left count on. */
  #refusedBefore = 0;

  get cameras(): Iterable<CameraLedger> {
    return this.#cameras.values();
  }

  get bytes(): number {
    return this.#sum((camera) => camera.bytes);
  }

  get frames(): number {
    return this.#sum((camera) => camera.frames.length);
  }

  get pinned(): number {
    return this.#sum((camera) => camera.pinned);
  }

  get refused(): number {
    return this.#refusedBefore + this.#sum((camera) => camera.refused);
  }

  /** The camera's books, opened when there are none. */
  camera(id: string): CameraLedger {
    let camera = this.#cameras.get(id);
    if (!camera) {
      camera = { id, frames: [], bytes: 0, pinned: 0, refused: 0, lastNumber: 0 };
      this.#cameras.set(id, camera);
    }
    return camera;
  }

  find(id: string): CameraLedger | undefined {
    return this.#cameras.get(id);
  }

  close(camera: CameraLedger): void {
    this.#refusedBefore += camera.refused;
    this.#cameras.delete(camera.id);
  }

  /** The part of `cap` a camera can count on, however greedy the others (or their readers) are. */
  share(cap: number): number {
    return cap / Math.max(1, this.#cameras.size);
  }

  /** Takes the oldest frame out of the ring; `freed` is what the filesystem got back. */
  evicted(camera: CameraLedger, entry: FrameEntry, freed: number): void {
    camera.frames.shift();
    camera.bytes -= entry.bytes;
    camera.pinned += Math.max(0, entry.bytes - Math.max(0, freed));
  }

  /** Readers let go in any order and tell nobody: what is no longer pinned is taken off all alike. */
  settlePins(pinnedNow: number): void {
    const booked = this.pinned;
    if (pinnedNow >= booked) return;
    for (const camera of this.#cameras.values()) camera.pinned *= Math.max(0, pinnedNow) / booked;
  }

  /**
   * Whose oldest frame makes way for `need` bytes of `camera`: its own once it has its share, before that
   * the largest holder's. A single frame is let past the share, unless readers pin others of its camera.
   * Cameras in `skip` have shown that evicting them frees nothing.
   */
  victim(
    camera: CameraLedger,
    need: number,
    cap: number,
    skip: ReadonlySet<CameraLedger>,
  ): CameraLedger | undefined {
    const held = camera.bytes + camera.pinned;
    const ownOnly = held > 0 && held + need > this.share(cap);
    let victim: CameraLedger | undefined;
    for (const other of ownOnly ? [camera] : this.#cameras.values()) {
      if (other.frames.length === 0 || skip.has(other)) continue;
      if (!victim || other.bytes > victim.bytes) victim = other;
    }
    return victim;
  }

  #sum(of: (camera: CameraLedger) => number): number {
    let total = 0;
    for (const camera of this.#cameras.values()) total += of(camera);
    return total;
  }
}
