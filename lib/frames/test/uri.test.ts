import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameUriError, formatFrameUri, framePath, parseFrameUri } from '../src/index.ts';

describe('frame URIs', () => {
  test.each([
    ['opennvr://frames/camera_door/latest.h264', 'camera_door/latest.h264'],
    ['opennvr://frames/camera_door/frame_7.h265', 'camera_door/frame_7.h265'],
    ['opennvr://frames/camera_a_b-2/frame_1764000000123.jpg', 'camera_a_b-2/frame_1764000000123.jpg'],
    ['opennvr://frames/camera_0/frame_7-w320.jpg', 'camera_0/frame_7-w320.jpg'],
    ['opennvr://frames/camera_0/latest-w640.jpg', 'camera_0/latest-w640.jpg'],
  ])('%s names a file', (uri, path) => {
    expect(framePath('/store', parseFrameUri(uri))).toBe(`/store/${path}`);
    expect(formatFrameUri(parseFrameUri(uri))).toBe(uri);
  });

  test.each([
    ['another scheme', 'file://frames/camera_a/latest.h264'],
    ['another host', 'opennvr://etc/camera_a/latest.h264'],
    ['capitals in the scheme', 'OPENNVR://frames/camera_a/latest.h264'],
    ['traversal', 'opennvr://frames/camera_a/../camera_b/latest.h264'],
    ['traversal in the id', 'opennvr://frames/camera_../latest.h264'],
    ['an absolute path', 'opennvr://frames//etc/passwd'],
    ['percent-encoding', 'opennvr://frames/camera_a/%6catest.h264'],
    ['an encoded slash', 'opennvr://frames/camera_a%2flatest.h264'],
    ['NUL', 'opennvr://frames/camera_a/latest.h264\0'],
    ['a line end', 'opennvr://frames/camera_a/latest.h264\n'],
    ['a query', 'opennvr://frames/camera_a/latest.h264?x'],
    ['a backslash', 'opennvr://frames/camera_a\\latest.h264'],
    ['the temporary file', 'opennvr://frames/camera_a/.new'],
    ['a width on an I-frame', 'opennvr://frames/camera_a/frame_1-w320.h264'],
    ['a leading zero', 'opennvr://frames/camera_a/frame_01.h264'],
    ['frame 0', 'opennvr://frames/camera_a/frame_0.h264'],
    ['a number past 2^53', 'opennvr://frames/camera_a/frame_9999999999999999.h264'],
    ['a width too small', 'opennvr://frames/camera_a/frame_1-w1.jpg'],
    ['a width too large', 'opennvr://frames/camera_a/frame_1-w9999.jpg'],
    ['an id too long', `opennvr://frames/camera_${'a'.repeat(64)}/latest.h264`],
    ['a text too long', `opennvr://frames/camera_a/${'a'.repeat(1_000_000)}`],
  ])('%s is refused', (_, uri) => {
    expect(() => parseFrameUri(uri)).toThrow(FrameUriError);
  });

  test('names survive being written and read', () => {
    const name = fc.record({
      cameraId: fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/),
      frame: fc.oneof(fc.constant('latest' as const), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
      format: fc.constantFrom('h264' as const, 'h265' as const),
      width: fc.constant(0),
    });
    fc.assert(
      fc.property(name, (n) => {
        expect(parseFrameUri(formatFrameUri(n))).toEqual(n);
      }),
    );
  });
});
