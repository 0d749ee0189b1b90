import { linkSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { framePath, parseFrameUri } from '@opennvr/frames';
import type { FrameViews } from '../types.ts';
import { unlinkIfThere, VIEWS } from './disk.ts';

interface Held {
  /** Views it is in, each as often as it was granted. */
  grants: number;
  bytes: number;
  /** The store has deleted its own name of it. */
  orphaned: boolean;
}

/**
 * A folder per adapter with hard links to the frames that it is being asked about: what it may see, for as long as it
 * is asked. Takes no room, but keeps a frame's bytes when the ring lets go of it; those are counted here.
 *
 * The folders themselves stay: they are where a sandbox has its read-only mount.
 */
export class Views implements FrameViews {
  readonly #dir: string;
  readonly #bytesOf: (path: string) => number;
  /** Path in the store → what views hold of it. */
  readonly #held = new Map<string, Held>();
  /** Path in a view → how often it was granted there. */
  readonly #grants = new Map<string, number>();
  readonly #counts = new Map<string, number>();
  /** Bytes that only views keep: the ring has let go of them. */
  orphanedBytes = 0;

  /** @param dir the store's folder */
  constructor(dir: string, bytesOf: (path: string) => number) {
    this.#dir = dir;
    this.#bytesOf = bytesOf;
  }

  /** Makes the folder of a view, for whoever shall mount it. */
  open(view: string): void {
    mkdirSync(this.#folder(view), { recursive: true, mode: 0o2750 });
  }

  grant(view: string, uri: string): () => void {
    const name = parseFrameUri(uri);
    const source = framePath(this.#dir, name);
    const link = framePath(this.#folder(view), name);
    const granted = this.#grants.get(link) ?? 0;
    if (granted === 0) makeLink(source, link);
    this.#grants.set(link, granted + 1);
    this.#counts.set(view, this.count(view) + 1);
    const held = this.#held.get(source) ?? { grants: 0, bytes: this.#bytesOf(link), orphaned: false };
    held.grants++;
    this.#held.set(source, held);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#release(view, link, source);
    };
  }

  count(view: string): number {
    return this.#counts.get(view) ?? 0;
  }

  /** The store deletes a file: if a view holds it, its bytes do not come back yet. Returns how many. */
  orphan(source: string): number {
    const held = this.#held.get(source);
    if (!held || held.orphaned) return 0;
    held.orphaned = true;
    this.orphanedBytes += held.bytes;
    return held.bytes;
  }

  #release(view: string, link: string, source: string): void {
    const grants = (this.#grants.get(link) ?? 1) - 1;
    if (grants > 0) this.#grants.set(link, grants);
    else {
      this.#grants.delete(link);
      unlinkIfThere(link);
    }
    const count = this.count(view) - 1;
    if (count > 0) this.#counts.set(view, count);
    else this.#counts.delete(view);
    const held = this.#held.get(source);
    if (!held || --held.grants > 0) return;
    this.#held.delete(source);
    if (held.orphaned) this.orphanedBytes -= held.bytes;
  }

  #folder(view: string): string {
    return join(this.#dir, VIEWS, view);
  }
}

function makeLink(source: string, link: string): void {
  try {
    linkSync(source, link);
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      // Left by a run that was killed: frame numbers never come twice, so it is this frame or an unreachable one.
      unlinkIfThere(link);
    } else if (code === 'ENOENT' && path !== undefined) {
      mkdirSync(dirname(link), { recursive: true, mode: 0o2750 });
    } else throw error;
    linkSync(source, link);
  }
}
