import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Origin, parseTarget, resolveControl } from '../src/client/url.ts';
import { RtspError } from '../src/types.ts';

describe('the camera URL', () => {
  it('names host and port, and is kept as it is', () => {
    expect(parseTarget('rtsp://Cam.local/a?b=1&c=/#x')).toEqual({
      tls: false,
      host: 'cam.local',
      port: 554,
      url: 'rtsp://Cam.local/a?b=1&c=/',
    });
    expect(parseTarget('rtsps://[fe80::1]:8322')).toMatchObject({ tls: true, host: 'fe80::1', port: 8322 });
    expect(parseTarget('rtsps://h/')).toMatchObject({ port: 322 });
    expect(parseTarget('rtsp://h/Küche 1').url).toBe('rtsp://h/K%c3%bcche%201');
  });

  for (const url of [
    'http://h/',
    'rtsp://',
    'rtsp://h:0/',
    'rtsp://h:99999/',
    'rtsp://u@h/',
    'rtsp://u:p@h/',
    'h',
    'rtsp://a b/',
  ]) {
    it(`refuses ${url}`, () => {
      expect(() => parseTarget(url)).toThrow(expect.objectContaining({ code: 'unsupported' }));
    });
  }
});

describe('control URLs (RFC 2326 C.1.1)', () => {
  const table: [string, string, string][] = [
    ['rtsp://h/cam/', 'trackID=0', 'rtsp://h/cam/trackID=0'],
    ['rtsp://h/cam', 'trackID=0', 'rtsp://h/cam/trackID=0'],
    ['rtsp://h/cam', '*', 'rtsp://h/cam'],
    ['rtsp://h/cam', '', 'rtsp://h/cam'],
    ['rtsp://h/cam/', '/trackID=0', 'rtsp://h/cam/trackID=0'],
    ['rtsp://h/cam?channel=1&subtype=0/', 'trackID=0', 'rtsp://h/cam?channel=1&subtype=0/trackID=0'],
    ['rtsp://h/cam?channel=1', 'trackID=0', 'rtsp://h/cam?channel=1/trackID=0'],
    ['rtsp://h/cam', '?ctype=video', 'rtsp://h/cam?ctype=video'],
    ['rtsp://h/cam', 'rtsp://h/other/video?x=1', 'rtsp://h/other/video?x=1'],
  ];
  for (const [base, control, expected] of table) {
    it(`${base} + ${control}`, () => expect(resolveControl(base, control)).toBe(expected));
  }
});

describe('the origin', () => {
  const origin = new Origin(parseTarget('rtsp://cam.local:8554/x'), '::ffff:10.0.0.7');
  it('is the host asked for and the address that answered, at the same port', () => {
    for (const url of [
      'rtsp://cam.local:8554/y',
      'rtsp://CAM.local/y',
      'rtsp://10.0.0.7:8554/y',
      'rtsp://10.0.0.7/y',
      'trackID=1',
      '/y',
    ]) {
      expect(origin.admit(url, 'f')).toBe(url);
    }
    expect(origin.admit('rtsp://user:secret@10.0.0.7/y', 'f')).toBe('rtsp://10.0.0.7/y');
  });

  for (const url of [
    'rtsp://cam.local:554/',
    'rtsp://10.0.0.8/',
    'rtsp://cam.local.evil/',
    'rtsp://cam.local@evil/',
    'rtsp://cam.local:8554@evil/',
    'rtsp://evil#@cam.local/',
    'rtsp://evil?@cam.local/',
    'rtsp://evil\\@cam.local/',
    'rtsp://[::1]/',
    'rtsp:///x',
    'http://cam.local/',
  ]) {
    it(`is not ${url}`, () => {
      expect(() => origin.admit(url, 'f')).toThrow(expect.objectContaining({ code: 'redirected' }));
    });
  }

  it('lets nothing through that would break a request line, and throws nothing else', () => {
    const parts = fc.array(
      fc.oneof(fc.constantFrom('rtsp://', 'cam.local', '@', ':', '/', '\r\n', ' '), fc.string()),
    );
    fc.assert(
      fc.property(parts, (some) => {
        try {
          expect(origin.admit(some.join(''), 'f')).toMatch(/^[\x21-\x7e]*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(RtspError);
          expect((error as RtspError).code).toBe('redirected');
        }
      }),
    );
  });
});
