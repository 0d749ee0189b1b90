import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import {
  cameraFolder,
  type FrameName,
  fileName,
  formatFrameUri,
  framePath,
  readFrameFile,
} from '@opennvr/frames';
import type { FrameStoreStatus } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import type { VideoCodec } from '@opennvr/rtsp';
import type { FrameSource } from '../types.ts';
import { openStoreDir, removeCameraDir, unlinkIfThere, writeAtomically } from './disk.ts';
import { type CameraLedger, type FrameEntry, Ledger } from './ledger.ts';
import { type Meter, meterFor } from './usage.ts';
import { Views } from './views.ts';

export interface FrameStoreOptions {
  dir: string;
  /** Bytes the store never exceeds; a smaller filesystem of its own lowers it. */
  capBytes: number;
  /** Frames kept per camera, at least 2. */
  ring: number;
  /** Deleted frames that readers hold have passed a limit: time to look who it is. Called on the hot path. */
  onPinned?(): void;
}

/** Where a frame went, or why it was refused; a refusal is counted and changes nothing else. */
export type PutResult =
  | { number: number; uri: string }
  | { refused: 'full' | 'pinned' | 'io'; detail: string };

/**
 * The newest frames of every camera as files: written, renamed, never changed, evicted oldest first.
 *
 * A camera's ring and what readers pin of it may grow past its equal share of the cap only while nobody
 * needs the room, so a reader that hoards one camera's frames costs that camera, not the others.
 */
export class FrameStore {
  readonly dir: string;
  readonly views: Views;
  readonly #ring: number;
  readonly #meter: Meter;
  readonly #ledger = new Ledger();
  readonly #cap: number;
  readonly #onPinned: () => void;
  /** Bytes in the filesystem that are not ours: its own metadata, or pinned since before we started. */
  #alien: number;

  constructor(options: FrameStoreOptions) {
    openStoreDir(options.dir);
    this.dir = options.dir;
    this.#ring = Math.max(2, options.ring);
    this.#meter = meterFor(options.dir);
    this.views = new Views(options.dir, (path) => this.#meter.round(lstatSync(path).size));
    this.#cap = Math.min(options.capBytes, this.#meter.limit());
    this.#onPinned = options.onPinned ?? (() => undefined);
    this.#alien = this.#meter.used(0);
  }

  /** A quarter of a camera's share: more than any well-behaved reader holds of evicted frames. */
  get pinLimit(): number {
    return this.#ledger.share(this.#cap) / 4;
  }

  get ownFilesystem(): boolean {
    return this.#meter.ownFilesystem;
  }

  /** Stores a frame, `parts` one after the other, evicting older ones as needed. Never throws. */
  put(cameraId: string, codec: VideoCodec, parts: readonly Uint8Array[], captureTimeMs: number): PutResult {
    const camera = this.#ledger.camera(cameraId);
    const need = this.#meter.round(parts.reduce((sum, part) => sum + part.length, 0));
    try {
      this.#settle();
      if (this.#outsize(need)) return this.#refuse(camera, 'full');
      if (this.#pinsTooMuch(camera, need)) return this.#refuse(camera, 'pinned');
      while (camera.frames.length >= this.#ring) this.#evictOldest(camera);
      if (!this.#makeRoom(camera, need)) return this.#refuse(camera, 'full');
      const number = Math.max(camera.lastNumber + 1, Math.floor(captureTimeMs));
      const file = fileName({ frame: number, format: codec, width: 0 });
      const latest = fileName({ frame: 'latest', format: codec, width: 0 });
      writeAtomically(this.#folder(camera), file, parts, latest);
      const before = camera.frames.at(-1);
      camera.frames.push({ number, codec, bytes: need, files: [file] });
      camera.bytes += need;
      camera.lastNumber = number;
      if (before && before.codec !== codec) this.#unlinkLatest(camera, before.codec);
      return { number, uri: formatFrameUri({ cameraId, frame: number, format: codec, width: 0 }) };
    } catch (error) {
      return this.#refuse(camera, 'io', (error as Error).message);
    }
  }

  /** Keeps a picture of a frame that is still in the ring, if there is room; returns its URI, or ''. */
  putPicture(frame: Pick<FrameSource, 'cameraId' | 'number'>, width: number, jpeg: Uint8Array): string {
    const camera = this.#ledger.find(frame.cameraId);
    const entry = camera?.frames.find(({ number }) => number === frame.number);
    if (!camera || !entry) return '';
    const need = this.#meter.round(jpeg.length);
    try {
      if (!this.#makeRoom(camera, need, entry)) return '';
      const file = fileName({ frame: entry.number, format: 'jpg', width });
      writeAtomically(this.#folder(camera), file, [jpeg]);
      entry.files.push(file);
      entry.bytes += need;
      camera.bytes += need;
      return formatFrameUri({ cameraId: frame.cameraId, frame: entry.number, format: 'jpg', width });
    } catch {
      // The picture itself is made and handed on; only keeping it failed.
      return '';
    }
  }

  /** The bytes of a frame or kept picture; undefined when it is not there (any more). */
  read(name: FrameName): Buffer | undefined {
    return readFrameFile(framePath(this.dir, name));
  }

  /** The I-frame that a picture name speaks of; undefined when the ring has moved on. */
  source(name: Pick<FrameName, 'cameraId' | 'frame'>): FrameSource | undefined {
    const frames = this.#ledger.find(name.cameraId)?.frames;
    const entry =
      name.frame === 'latest' ? frames?.at(-1) : frames?.find(({ number }) => number === name.frame);
    if (!entry) return undefined;
    const { number, codec } = entry;
    const annexB = this.read({ cameraId: name.cameraId, frame: number, format: codec, width: 0 });
    return annexB && { cameraId: name.cameraId, number, codec, annexB };
  }

  /** Makes these the cameras among which the cap is shared; frames of others are deleted. */
  setCameras(ids: ReadonlySet<string>): void {
    for (const camera of [...this.#ledger.cameras]) {
      if (ids.has(camera.id)) continue;
      for (const { files } of camera.frames)
        for (const file of files) this.views.orphan(join(this.#folder(camera), file));
      if (camera.frames.length > 0) removeCameraDir(this.#folder(camera));
      this.#ledger.close(camera);
    }
    for (const id of ids) this.#ledger.camera(id);
  }

  status(): FrameStoreStatus {
    return {
      bytes: this.#used(),
      capBytes: this.#cap,
      frames: this.#ledger.frames,
      refused: this.#ledger.refused,
      pinnedBytes: Math.round(this.#ledger.pinned),
      pinnedByPids: [],
      viewBytes: this.views.orphanedBytes,
    };
  }

  /** One frame of a mad camera must not empty everybody's rings. */
  #outsize(need: number): boolean {
    return need > Math.max(this.#ledger.share(this.#cap), this.#cap / 4);
  }

  #pinsTooMuch(camera: CameraLedger, need: number): boolean {
    return camera.pinned > 0 && camera.pinned + need > this.#ledger.share(this.#cap);
  }

  /** Evicts until `need` fits; false when nothing is left that would help. `keep` is not evicted. */
  #makeRoom(camera: CameraLedger, need: number, keep?: FrameEntry): boolean {
    const futile = new Set<CameraLedger>();
    while (this.#used() + need > this.#cap) {
      const victim = this.#ledger.victim(camera, need, this.#cap, futile);
      if (!victim) return false;
      const oldest = victim.frames[0];
      if (oldest === keep || this.#evictOldest(victim) === 0) futile.add(victim);
    }
    return true;
  }

  /** Deletes the camera's oldest frame with its pictures; returns the bytes that came back. */
  #evictOldest(camera: CameraLedger): number {
    const entry = camera.frames[0];
    if (!entry) return 0;
    const before = this.#used();
    const folder = this.#folder(camera);
    let held = 0;
    for (const file of entry.files) {
      held += this.views.orphan(join(folder, file));
      unlinkIfThere(join(folder, file));
    }
    if (camera.frames.length === 1) this.#unlinkLatest(camera, entry.codec);
    const after = this.#used(entry.bytes);
    // What a view holds comes back by itself, and soon: no reader is to blame.
    this.#ledger.evicted(camera, entry, before - after + held);
    if (camera.pinned > this.pinLimit) this.#onPinned();
    return before - after;
  }

  /** Compares the books with the filesystem. */
  #settle(): void {
    const beyond = this.#used() - this.#ledger.bytes - this.views.orphanedBytes;
    this.#alien = Math.min(this.#alien, Math.max(0, beyond));
    this.#ledger.settlePins(beyond - this.#alien);
  }

  #refuse(camera: CameraLedger, refused: 'full' | 'pinned' | 'io', detail?: string): PutResult {
    camera.refused++;
    if (camera.pinned > 0) this.#onPinned();
    const why = {
      full: 'the frame store is full',
      pinned: 'a reader holds too many deleted frames of this camera',
      io: 'the frame store cannot be written',
    }[refused];
    return { refused, detail: detail === undefined ? why : `${why}: ${detail}` };
  }

  /** Bytes taken, once `less` bytes of the rings are gone. */
  #used(less = 0): number {
    return this.#meter.used(this.#ledger.bytes - less + this.views.orphanedBytes);
  }

  #unlinkLatest(camera: CameraLedger, codec: VideoCodec): void {
    const latest = fileName({ frame: 'latest', format: codec, width: 0 });
    unlinkIfThere(join(this.#folder(camera), latest));
  }

  #folder(camera: CameraLedger): string {
    return join(this.dir, cameraFolder(camera.id));
  }
}
