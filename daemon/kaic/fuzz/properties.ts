import { posix } from 'node:path';
import fc from 'fast-check';
import { parseMaps } from '../src/frames/pins.ts';
import { FrameUriError, formatFrameUri, framePath, parseFrameUri } from '../src/frames/uri.ts';

/** What a URI is made of, and what an attacker makes one of. */
// biome-ignore format: a list of bits
const PIECES = [
  'opennvr:', '//', 'frames', '/', 'camera_', 'a', 'b-1', 'latest', 'frame_', '0', '1', '77', '-w', '320',
  '.', '..', '.h264', '.h265', '.jpg', '%2e', '%2f', '%00', '\0', '\\', '?', '#', '@', ':', ' ', '\n', 'file:',
  'http://x/', 'é', '\u2024', '\ud800', '9'.repeat(20), '~', '*',
];
const STORED = /^\/store\/camera_[a-z0-9_-]+\/[a-z0-9_-]+\.(h264|h265|jpg)$/;

/** A property, and how many inputs got past the parser: without any, it says nothing. */
export interface Fuzzed {
  name: string;
  property: fc.IProperty<[string]>;
  accepted(): number;
}

/** Whatever URI is accepted has one spelling and stays in the store; anything else is a FrameUriError. */
export function fuzzUri(): Fuzzed {
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((parts) => parts.join(''));
  const nearly = fc
    .tuple(fc.constantFrom('latest.h264', 'frame_12-w320.jpg'), fc.nat(60), fc.constantFrom(...PIECES))
    .map(([file, at, piece]) => {
      const uri = `opennvr://frames/camera_a/${file}`;
      return uri.slice(0, at) + piece + uri.slice(at + 1);
    });
  let accepted = 0;
  const property = fc.property(fc.oneof(pieces, nearly, fc.string({ unit: 'binary' })), (uri) => {
    try {
      const name = parseFrameUri(uri);
      const path = framePath('/store', name);
      accepted++;
      return formatFrameUri(name) === uri && posix.normalize(path) === path && STORED.test(path);
    } catch (error) {
      return error instanceof FrameUriError;
    }
  });
  return { name: 'frame-uri', property, accepted: () => accepted };
}

/** Whatever a process calls its files, its map is read without a throw, and sizes are numbers. */
export function fuzzMaps(): Fuzzed {
  const hex = fc.bigInt({ min: 0n, max: 2n ** 64n }).map((n) => n.toString(16));
  const path = fc.oneof(fc.string({ unit: 'binary' }), fc.constant('/f/frame_1.h264'));
  const line = fc
    .tuple(hex, hex, fc.constantFrom('00:2a', '103:01', '0:0'), fc.nat(), path)
    .map(
      ([from, to, device, inode, name]) => `${from}-${to} r--s 0000 ${device} ${inode}   ${name} (deleted)`,
    );
  const text = fc.array(fc.oneof(line, fc.string({ unit: 'binary' })), { maxLength: 8 });
  let accepted = 0;
  const property = fc.property(
    text.map((lines) => lines.join('\n')),
    (maps) => {
      const inodes = parseMaps(maps, () => true);
      accepted += inodes.size;
      return [...inodes].every(([inode, bytes]) => Number.isFinite(inode) && Number.isFinite(bytes));
    },
  );
  return { name: 'proc-maps', property, accepted: () => accepted };
}
