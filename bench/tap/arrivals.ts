import { closeSync, type FSWatcher, openSync, readSync, watch } from 'node:fs';
import { join } from 'node:path';
import { readFrameNumber, splitAnnexB } from '@opennvr/rtsp';
import type { Sent } from './load-server.ts';

/** The SEI is within the first bytes: parameter sets, SEI, slice. */
const HEAD = 4096;

/** A keyframe as a reader of the store finds it: camera, its number in the clip, monotonic µs. */
type Found = [camera: number, frame: number, at: number];

/**
 * Watches the store from outside, by inotify, as any reader could: a frame counts as readable when the
 * watcher has been woken, has opened the file and read the frame's number from it.
 */
export class Arrivals {
  readonly #watchers: FSWatcher[] = [];
  readonly #found: Found[] = [];
  readonly #seen = new Set<string>();
  readonly #head = Buffer.alloc(HEAD);

  constructor(framesDir: string, cameras: number) {
    for (let camera = 0; camera < cameras; camera++) {
      const folder = join(framesDir, `camera_cam${camera}`);
      this.#watchers.push(
        watch(folder, (_, name) => {
          if (name?.startsWith('frame_')) this.#take(camera, join(folder, name));
        }),
      );
    }
  }

  stop(): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  /** From when a keyframe's first byte was handed to the sender's kernel to when it was read, ms. */
  latencies(sent: readonly Sent[]): number[] {
    const times = new Map<string, number[]>();
    for (const [camera, frame, at] of sent) {
      const key = `${camera} ${frame}`;
      times.set(key, [...(times.get(key) ?? []), at]);
    }
    // The clip loops: the sending that belongs to a finding is the last one before it.
    return this.#found.flatMap(([camera, frame, at]) => {
      const before = times.get(`${camera} ${frame}`)?.findLast((time) => time <= at);
      return before === undefined ? [] : [(at - before) / 1000];
    });
  }

  #take(camera: number, path: string): void {
    if (this.#seen.has(path)) return;
    this.#seen.add(path);
    let length: number;
    try {
      const fd = openSync(path, 'r');
      length = readSync(fd, this.#head, 0, HEAD, 0);
      closeSync(fd);
    } catch {
      // Evicted: the event was of its deletion.
      return;
    }
    const frame = readFrameNumber('h264', splitAnnexB(this.#head.subarray(0, length)));
    if (frame !== undefined) this.#found.push([camera, frame, Number(process.hrtime.bigint() / 1000n)]);
  }
}
