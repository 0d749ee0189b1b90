import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Clock, systemClock } from '@opennvr/service';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Ledger } from '../src/frames/ledger.ts';
import { PinWatch } from '../src/frames/pin-watch.ts';
import { findPinners, parseMaps } from '../src/frames/pins.ts';
import { FrameStore } from '../src/frames/store.ts';
import { canMount, silent, tmpfs, until } from './support.ts';

const MB = 1024 * 1024;
const FRAME = 100_000;

/** Maps every frame of a camera it can find and never lets go. */
const HOARDER = `
import mmap, os, sys, time
seen, kept = set(), []
print("ready", flush=True)
while True:
    for name in os.listdir(sys.argv[1]):
        if not name.startswith("frame_") or name in seen: continue
        try:
            with open(os.path.join(sys.argv[1], name), "rb") as f:
                kept.append(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ))
            seen.add(name)
        except OSError: pass
    time.sleep(0.002)
`;

async function hoard(folder: string): Promise<ChildProcess & { pid: number }> {
  const child = spawn('python3', ['-c', HOARDER, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(createInterface(child.stdout), 'line');
  return child as typeof child & { pid: number };
}

describe.skipIf(!canMount)('a reader that maps every frame (needs root on Linux to mount a tmpfs)', () => {
  test('is named and cut off; meanwhile the other cameras go on, and the cap holds', async () => {
    const dir = tmpfs(8 * MB);
    let watch: PinWatch | undefined;
    const store = new FrameStore({ dir, capBytes: 8 * MB, ring: 10, onPinned: () => watch?.suspect() });
    store.setCameras(new Set(['hoarded', 'free']));
    let n = 0;
    const results = { hoarded: { stored: 0, refused: 0 }, free: { stored: 0, refused: 0 } };
    const reasons = new Set<string>();
    const tick = () => {
      n++;
      for (const camera of ['hoarded', 'free'] as const) {
        const result = store.put(camera, 'h264', [Buffer.alloc(FRAME, n)], n);
        results[camera]['refused' in result ? 'refused' : 'stored']++;
        if ('refused' in result) reasons.add(result.refused);
      }
      expect(store.status().bytes).toBeLessThanOrEqual(8 * MB);
      return results;
    };
    tick();
    const reader = await hoard(`${dir}/camera_hoarded`);
    const exited = once(reader, 'exit');

    // Nobody looks yet: the hoarded camera runs into its own wall, the other never notices.
    await until(() => tick().hoarded.refused >= 5, 'the hoarded camera to be refused');
    expect(results.free.refused).toBe(0);
    expect(store.status().pinnedBytes).toBeGreaterThan(2 * MB);
    // At its share, not where the whole store is full.
    expect(store.status().pinnedBytes).toBeLessThanOrEqual(4 * MB);
    expect([...reasons]).toEqual(['pinned']);
    expect((await findPinners(dir, true)).map(({ pid }) => pid)).toEqual([reader.pid]);

    watch = new PinWatch({
      store,
      clock: systemClock,
      log: silent,
      cutOff: (pid) => process.kill(pid, 'SIGKILL'),
    });
    onTestFinished(() => watch?.close());
    let end: unknown;
    exited.then(([, signal]) => {
      end = signal;
    });
    await until(() => tick() && end, 'the reader to be cut off');
    expect(end).toBe('SIGKILL');
    expect(watch.pids).toEqual([reader.pid]);

    const { stored } = results.hoarded;
    await until(() => tick().hoarded.stored >= stored + 10, 'the hoarded camera to go on');
    expect(store.status().pinnedBytes).toBe(0);
    expect(results.free.refused).toBe(0);
    await until(() => watch?.pids.length === 0, 'the name to be cleared');
  });

  test('one that reads a frame and lets go is left alone', async () => {
    const dir = tmpfs(8 * MB);
    const killed: number[] = [];
    const store = new FrameStore({ dir, capBytes: 8 * MB, ring: 2 });
    let looks = 0;
    // A look over is a rest begun.
    const after: Clock['after'] = (ms, fn) => {
      if (ms === 1000) looks++;
      return systemClock.after(ms, fn);
    };
    const clock = { ...systemClock, after };
    const watch = new PinWatch({ store, clock, log: silent, cutOff: (pid) => killed.push(pid) });
    store.put('a', 'h264', [Buffer.alloc(FRAME)], 1);
    const reader = await hoard(`${dir}/camera_a`);
    await until(() => {
      store.put('a', 'h264', [Buffer.alloc(FRAME)], 2);
      return store.status().pinnedBytes >= FRAME;
    }, 'a frame to be pinned');
    reader.kill('SIGSTOP');
    watch.suspect();
    await until(() => looks > 0, 'a look');
    watch.close();
    expect((await findPinners(dir, true)).map(({ pid }) => pid)).toEqual([reader.pid]);
    expect(killed).toEqual([]);
  });
});

describe('Ledger', () => {
  test('what readers let go is taken off all cameras alike', () => {
    const ledger = new Ledger();
    for (const [id, bytes] of [
      ['a', 300],
      ['b', 100],
    ] as const) {
      const camera = ledger.camera(id);
      const entry = { number: 1, codec: 'h264' as const, bytes, files: [] };
      camera.frames.push(entry);
      camera.bytes += bytes;
      ledger.evicted(camera, entry, 0);
    }
    ledger.settlePins(500);
    expect([...ledger.cameras].map(({ pinned }) => pinned)).toEqual([300, 100]);
    ledger.settlePins(200);
    expect([...ledger.cameras].map(({ pinned }) => pinned)).toEqual([150, 50]);
    ledger.settlePins(0);
    expect(ledger.pinned).toBe(0);
  });
});

test('proc maps: deleted files of the store only, summed by inode', () => {
  const maps = `
7f0000000000-7f0000003000 r--s 00000000 00:2a 17 /run/frames/camera_a/frame_1.h264 (deleted)
7f0000004000-7f0000005000 r--s 00003000 00:2a 17 /run/frames/camera_a/frame_1.h264 (deleted)
7f0000006000-7f0000007000 r--s 00000000 00:2a 18 /run/frames/camera_a/frame_2.h264
7f0000008000-7f0000009000 r--s 00000000 00:2b 19 /elsewhere/frame_1.h264 (deleted)
not a line (deleted)
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0 [stack]`;
  expect([...parseMaps(maps, (device) => device === 0x2a)]).toEqual([[17, 0x4000]]);
});
