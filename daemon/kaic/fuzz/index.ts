import { posix } from 'node:path';
import { FrameUriError, formatFrameUri, framePath, parseFrameUri } from '@opennvr/frames';
import { type FuzzTarget, magnitude, outcomeOf, promise, words } from '@opennvr/tests/fuzz';
import { jpegSize } from '../src/frames/pictures.ts';
import { parseMaps } from '../src/frames/pins.ts';
import { adapterAnswer, adapterStream, plan } from './messages.ts';

const uriOutcome = outcomeOf(FrameUriError);
const STORED = /^\/store\/camera_[a-z0-9_-]+\/[a-z0-9_-]+\.(h264|h265|jpg)$/;

/** Whatever URI is accepted has one spelling and stays in the store. */
const frameUri: FuzzTarget = {
  name: 'frame-uri',
  seeds: words('opennvr://frames/camera_a/latest.h264', 'opennvr://frames/camera_b-1/frame_12-w320.jpg'),
  dictionary: words(
    ...['opennvr:', '//', 'frames/', 'camera_', 'latest', 'frame_', '-w', '.', '..', '/', '.h265', '.jpg'],
    ...[
      '%2e',
      '%2f',
      '%00',
      '\0',
      '\\',
      '?',
      '#',
      '@',
      ' ',
      '\n',
      'file:',
      'é',
      '\u2024',
      '9'.repeat(20),
      '~',
    ],
  ),
  run: (input) =>
    uriOutcome(
      () => parseFrameUri(input.toString()),
      (name) => {
        const path = framePath('/store', name);
        promise(formatFrameUri(name) === input.toString(), 'two spellings');
        promise(posix.normalize(path) === path && STORED.test(path), `out of the store: ${path}`);
        return `${typeof name.frame} ${name.format} ${magnitude(name.width)} ${magnitude(Number(name.frame) || 0)}`;
      },
    ),
};

/** Whatever a process calls its files, its map is read, and sizes are numbers. */
const procMaps: FuzzTarget = {
  name: 'proc-maps',
  seeds: words(
    '7f0000000000-7f0000004000 r--s 0000 00:2a 17   /f/frame_1.h264 (deleted)\n7f01-7f02 rw-p 0 00:00 0 [stack]',
    '00-ff r--s 0 103:01 18 /f/a\n/b (deleted)\n0-1 r--s 0 0:0 19   x (deleted)\n',
  ),
  dictionary: words(
    ' (deleted)',
    '\n',
    '-',
    'ffffffffffffffff',
    ' r--s 0000 00:2a ',
    '  ',
    '\0',
    '9'.repeat(400),
  ),
  run(input) {
    const inodes = parseMaps(input.toString('latin1'), () => true);
    for (const [inode, bytes] of inodes)
      promise(
        Number.isFinite(inode) && Number.isFinite(bytes) && bytes >= 0,
        `inode ${inode}: ${bytes} bytes`,
      );
    return `${magnitude(inodes.size)} ${magnitude(Math.max(0, ...inodes.values()))}`;
  },
};

/** A picture from a decoder, or from the store's folder, which others can read. */
const size: FuzzTarget = {
  name: 'jpeg-size',
  seeds: [
    'ffd8ffe000104a46494600010200000100010000ffc00011080020003002012200021100031100ffd9',
    'ffd8ffc4001100ffc2000b0800100020',
  ].map((hex) => Buffer.from(hex, 'hex')),
  dictionary: ['ffd8', 'ffc0', 'ffcf', 'ffc4', '0000', 'ffff', 'ff'].map((hex) => Buffer.from(hex, 'hex')),
  run(input) {
    const found = jpegSize(input);
    if (!found) return `none ${magnitude(input.length)}`;
    promise(found.width < 65_536 && found.height < 65_536, 'more than 16 bits');
    return `${magnitude(found.width)} ${magnitude(found.height)}`;
  },
};

export const targets: readonly FuzzTarget[] = [frameUri, procMaps, size, plan, adapterAnswer, adapterStream];
