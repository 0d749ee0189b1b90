import {
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseFrameUri } from '@opennvr/frames';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FrameStore, type FrameStoreOptions, type PutResult } from '../src/frames/store.ts';
import { canMount, scratch, tmpfs } from './support.ts';

const PAGE = 4096;
const MB = 1024 * 1024;

function open(options: Partial<FrameStoreOptions> = {}): FrameStore {
  return new FrameStore({ dir: join(scratch(), 'frames'), capBytes: 10 * MB, ring: 3, ...options });
}

function uriOf(result: PutResult): string {
  if ('refused' in result) throw new Error(result.detail);
  return result.uri;
}

describe('FrameStore', () => {
  test('a frame is a file at its URI, and `latest` is the newest', () => {
    const store = open();
    const uri = uriOf(store.put('door', 'h264', [Buffer.from('first')], 1000));
    expect(uri).toBe('opennvr://frames/camera_door/frame_1000.h264');
    store.put('door', 'h264', [Buffer.from('second')], 2000);
    expect(store.read(parseFrameUri(uri))?.toString()).toBe('first');
    expect(readFileSync(join(store.dir, 'camera_door/latest.h264'), 'utf8')).toBe('second');
    expect(store.source({ cameraId: 'door', frame: 'latest' })).toMatchObject({
      number: 2000,
      codec: 'h264',
    });
  });

  test('frames and their folder are for the owner and the group, whatever the umask', () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const store = open();
    store.put('door', 'h264', [Buffer.from('x')], 1);
    store.putPicture({ cameraId: 'door', number: 1 }, 0, Buffer.from('jpg'));
    const mode = (name: string) => (statSync(join(store.dir, name)).mode & 0o777).toString(8);
    expect(['', 'camera_door'].map(mode)).toEqual(['750', '750']);
    expect(readdirSync(join(store.dir, 'camera_door')).map((name) => mode(`camera_door/${name}`))).toEqual([
      '640',
      '640',
      '640',
    ]);
  });

  test('numbers rise though the wall clock steps back', () => {
    const store = open();
    const uris = [5000, 5000, 10].map((ms) => uriOf(store.put('a', 'h264', [Buffer.from('x')], ms)));
    expect(uris.map((uri) => parseFrameUri(uri).frame)).toEqual([5000, 5001, 5002]);
  });

  test('the ring keeps the newest, with their pictures', () => {
    const store = open({ ring: 2 });
    for (let n = 1; n <= 4; n++) {
      store.put('a', 'h265', [Buffer.from(`frame ${n}`)], n);
      expect(store.putPicture({ cameraId: 'a', number: n }, 0, Buffer.from('jpg'))).toContain(
        `frame_${n}.jpg`,
      );
    }
    expect(readdirSync(join(store.dir, 'camera_a')).sort()).toEqual([
      'frame_3.h265',
      'frame_3.jpg',
      'frame_4.h265',
      'frame_4.jpg',
      'latest.h265',
    ]);
    expect(store.putPicture({ cameraId: 'a', number: 1 }, 0, Buffer.from('jpg'))).toBe('');
  });

  test('a reader that holds a frame never sees it change', () => {
    const store = open({ ring: 2 });
    store.put('a', 'h264', [Buffer.alloc(100_000, 1)], 1);
    const latest = openSync(join(store.dir, 'camera_a/latest.h264'), 'r');
    for (let n = 2; n < 10; n++) store.put('a', 'h264', [Buffer.alloc(100_000, n)], n);
    const seen = Buffer.alloc(100_000);
    expect(readSync(latest, seen, 0, seen.length, 0)).toBe(100_000);
    expect(seen.equals(Buffer.alloc(100_000, 1))).toBe(true);
  });

  test('a camera that changes its codec leaves no old `latest` behind', () => {
    const store = open();
    store.put('a', 'h264', [Buffer.from('x')], 1);
    store.put('a', 'h265', [Buffer.from('y')], 2);
    expect(readdirSync(join(store.dir, 'camera_a')).sort()).toEqual([
      'frame_1.h264',
      'frame_2.h265',
      'latest.h265',
    ]);
  });

  test('symbolic links are not followed, neither file nor folder', () => {
    const store = open();
    const secret = join(scratch(), 'secret');
    mkdirSync(secret);
    writeFileSync(join(secret, 'frame_1.h264'), 'secret');
    symlinkSync(secret, join(store.dir, 'camera_evil'));
    mkdirSync(join(store.dir, 'camera_half'));
    symlinkSync(join(secret, 'frame_1.h264'), join(store.dir, 'camera_half/frame_1.h264'));
    for (const id of ['evil', 'half']) {
      expect(store.read(parseFrameUri(`opennvr://frames/camera_${id}/frame_1.h264`))).toBeUndefined();
    }
  });

  test('at start what an earlier run left is gone, and nothing else', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'camera_old'));
    for (const name of ['frame_1.h264', 'frame_1-w320.jpg', 'latest.h264', '.new']) {
      writeFileSync(join(dir, 'camera_old', name), 'x');
    }
    mkdirSync(join(dir, 'camera_theirs'));
    writeFileSync(join(dir, 'camera_theirs/notes.txt'), 'x');
    writeFileSync(join(dir, 'README'), 'x');
    const victim = scratch();
    writeFileSync(join(victim, 'frame_1.h264'), 'x');
    symlinkSync(victim, join(dir, 'camera_link'));
    open({ dir });
    expect(readdirSync(dir).sort()).toEqual(['README', 'camera_link', 'camera_theirs']);
    expect(existsSync(join(dir, 'camera_theirs/notes.txt'))).toBe(true);
    expect(existsSync(join(victim, 'frame_1.h264'))).toBe(true);
  });

  test('a camera that leaves takes its frames with it', () => {
    const store = open();
    store.put('a', 'h264', [Buffer.from('x')], 1);
    store.put('b', 'h264', [Buffer.from('x')], 1);
    store.setCameras(new Set(['b', 'c']));
    expect(readdirSync(store.dir)).toEqual(['camera_b']);
    expect(store.status()).toMatchObject({ frames: 1, bytes: PAGE });
  });

  test('a folder deleted under it is made again', () => {
    const store = open();
    store.put('a', 'h264', [Buffer.from('x')], 1);
    rmSync(join(store.dir, 'camera_a'), { recursive: true });
    const uri = uriOf(store.put('a', 'h264', [Buffer.from('y')], 2));
    expect(store.read(parseFrameUri(uri))?.toString()).toBe('y');
  });

  test('a frame larger than the store is refused and counted, and takes nobody down', () => {
    const store = open({ capBytes: 10 * PAGE });
    store.put('a', 'h264', [Buffer.alloc(PAGE)], 1);
    expect(store.put('b', 'h264', [Buffer.alloc(11 * PAGE)], 1)).toMatchObject({ refused: 'full' });
    expect(store.status()).toMatchObject({ refused: 1, frames: 1 });
  });

  test('a greedy camera yields to one below its share', () => {
    const store = open({ capBytes: 10 * PAGE, ring: 100 });
    store.setCameras(new Set(['greedy', 'small']));
    for (let n = 1; n <= 20; n++) store.put('greedy', 'h264', [Buffer.alloc(PAGE)], n);
    for (let n = 1; n <= 20; n++) store.put('small', 'h264', [Buffer.alloc(PAGE)], n);
    const held = (id: string) => readdirSync(join(store.dir, `camera_${id}`)).length - 1;
    expect(held('greedy') + held('small')).toBe(10);
    expect(held('small')).toBe(5);
    expect(store.status().refused).toBe(0);
  });

  const operations = fc.array(
    fc.record({
      camera: fc.constantFrom('a', 'b', 'c'),
      bytes: fc.integer({ min: 1, max: 5 * PAGE }),
      picture: fc.boolean(),
    }),
    { maxLength: 80 },
  );
  test.each([
    ['a plain folder', (): string => join(scratch(), 'frames'), false],
    [
      canMount ? 'a tmpfs' : 'a tmpfs (skipped: mounting needs root on Linux)',
      () => tmpfs(20 * PAGE),
      !canMount,
    ],
  ])('whatever is stored, the cap holds and the books agree with the files: %s', (_, makeDir, skip) => {
    if (skip) return;
    const dir = makeDir();
    fc.assert(
      fc.property(operations, fc.integer({ min: 2, max: 6 }), (ops, ring) => {
        const store = new FrameStore({ dir, capBytes: 20 * PAGE, ring });
        let refused = 0;
        ops.forEach(({ camera, bytes, picture }, i) => {
          const result = store.put(camera, 'h264', [Buffer.alloc(bytes)], i);
          if ('refused' in result) refused++;
          else if (picture)
            store.putPicture({ cameraId: camera, number: result.number }, 320, Buffer.alloc(bytes));
          expect(store.status().bytes).toBeLessThanOrEqual(20 * PAGE);
        });
        const files = ['a', 'b', 'c'].flatMap((id) => {
          const folder = join(dir, `camera_${id}`);
          return existsSync(folder) ? readdirSync(folder) : [];
        });
        const frames = files.filter((name) => /^frame_\d+\.h264$/.test(name));
        expect(store.status()).toMatchObject({ frames: frames.length, refused });
        // Nothing here is larger than a quarter of the cap and nobody pins: there is always room for the newest.
        expect(refused).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
