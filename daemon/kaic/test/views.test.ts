import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findPinners } from '../src/frames/pins.ts';
import { FrameStore } from '../src/frames/store.ts';
import { canMount, scratch, tmpfs } from './support.ts';

const FRAME = 64 * 1024;

function storeAt(dir: string, ring = 2) {
  const store = new FrameStore({ dir, capBytes: 8 * 1024 * 1024, ring });
  store.setCameras(new Set(['a', 'b']));
  let time = 1000;
  const put = (camera: string) => {
    const stored = store.put(camera, 'h264', [Buffer.alloc(FRAME, camera)], time++);
    if (!('uri' in stored)) throw new Error(stored.detail);
    return stored.uri;
  };
  return { store, put };
}

const filesIn = (dir: string) =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true })
        .map(String)
        .filter((name) => name.includes('.'))
    : [];

test('a view holds the frames granted to it, and no others', () => {
  const dir = scratch();
  const { store, put } = storeAt(dir);
  const [mine, theirs] = [put('a'), put('b')];
  const release = store.views.grant('objects', mine);
  store.views.grant('faces', theirs);
  expect(filesIn(join(dir, 'views/objects'))).toEqual(['camera_a/frame_1000.h264']);
  expect(filesIn(join(dir, 'views/faces'))).toEqual(['camera_b/frame_1001.h264']);
  expect(readFileSync(join(dir, 'views/objects/camera_a/frame_1000.h264'))).toEqual(Buffer.alloc(FRAME, 'a'));
  release();
  release();
  expect(filesIn(join(dir, 'views/objects'))).toEqual([]);
  expect(store.views.count('objects')).toBe(0);
  expect(store.views.count('faces')).toBe(1);
});

test('a frame granted twice stays until both are done', () => {
  const dir = scratch();
  const { store, put } = storeAt(dir);
  const uri = put('a');
  const [first, second] = [store.views.grant('objects', uri), store.views.grant('objects', uri)];
  first();
  expect(filesIn(join(dir, 'views/objects'))).toHaveLength(1);
  second();
  expect(filesIn(join(dir, 'views/objects'))).toEqual([]);
});

test('what the ring has let go of cannot be granted, nor what is no frame', () => {
  const { store, put } = storeAt(scratch());
  const first = put('a');
  for (let n = 0; n < 3; n++) put('a');
  expect(() => store.views.grant('objects', first)).toThrow('ENOENT');
  expect(() => store.views.grant('objects', 'opennvr://frames/camera_a/../../x')).toThrow('camera_<id>');
  expect(store.views.count('objects')).toBe(0);
});

test('what only a view keeps counts in a plain folder, and is nobody’s pin', () => orphan(scratch()));

test.skipIf(!canMount)(
  'what only a view keeps counts on a filesystem of its own, and is nobody’s pin (needs root on Linux)',
  () => orphan(tmpfs(16 * 1024 * 1024)),
);

/** The ring lets go of a frame that a view holds. */
function orphan(dir: string): void {
  const { store, put } = storeAt(dir);
  put('b');
  const release = store.views.grant('objects', put('a'));
  const before = store.status();
  expect(before).toMatchObject({ viewBytes: 0, pinnedBytes: 0 });
  for (let n = 0; n < 4; n++) put('a');
  const during = store.status();
  expect(during).toMatchObject({ viewBytes: FRAME, pinnedBytes: 0 });
  expect(during.bytes).toBe(before.bytes + 2 * FRAME);
  release();
  put('a');
  expect(store.status()).toMatchObject({ viewBytes: 0, pinnedBytes: 0, bytes: during.bytes - FRAME });
}

test('a camera that goes leaves its granted frames until the answer', () => {
  const dir = scratch();
  const { store, put } = storeAt(dir);
  const release = store.views.grant('objects', put('a'));
  store.setCameras(new Set(['b']));
  expect(store.status().viewBytes).toBe(FRAME);
  expect(filesIn(join(dir, 'views/objects'))).toHaveLength(1);
  release();
  expect(store.status().viewBytes).toBe(0);
});

test('what a killed run left in views goes at the next start; the folder that is mounted stays, and so does what is not ours', () => {
  const dir = scratch();
  const { store, put } = storeAt(dir);
  store.views.grant('objects', put('a'));
  mkdirSync(join(dir, 'views/objects/foreign'));
  writeFileSync(join(dir, 'views/objects/foreign/file.txt'), '');
  const { ino } = statSync(join(dir, 'views/objects'));
  storeAt(dir);
  expect(filesIn(join(dir, 'views/objects'))).toEqual(['foreign/file.txt']);
  expect(statSync(join(dir, 'views/objects')).ino).toBe(ino);
});

test.skipIf(!canMount)(
  'an adapter that keeps a frame of its view open is found (needs root on Linux)',
  async () => {
    const dir = tmpfs(16 * 1024 * 1024);
    const { store, put } = storeAt(dir);
    const release = store.views.grant('objects', put('a'));
    const [file] = filesIn(join(dir, 'views/objects'));
    const script = `exec 9<"$1"; echo open; read -r line`;
    const reader = spawn('sh', ['-c', script, 'sh', join(dir, 'views/objects', file ?? '')]);
    onTestFinished(() => void reader.kill('SIGKILL'));
    await once(reader.stdout, 'data');
    release();
    for (let n = 0; n < 4; n++) put('a');
    put('a');
    expect(store.status()).toMatchObject({ viewBytes: 0, pinnedBytes: FRAME });
    expect((await findPinners(dir, true)).map(({ pid }) => pid)).toEqual([reader.pid]);
  },
);
