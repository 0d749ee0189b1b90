import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffCameras, MediaError, validateCameras } from '../src/index.ts';
import { camera } from './fixtures.ts';

describe('validateCameras', () => {
  it.each([
    ['cameras[0].id', camera({ id: 'Door' })],
    ['cameras[0].id', camera({ id: '../etc' })],
    ['cameras[0].url', camera({ url: 'http://10.0.0.5/' })],
    ['cameras[0].url', camera({ url: 'rtsp://' })],
    ['cameras[0].url', camera({ url: 'rtsp://user:hush@10.0.0.5/' })],
    ['cameras[0].url', camera({ url: 'rtsp://10.0.0.5/\r\nEvil: 1' })],
    ['cameras[0].url', camera({ url: `rtsp://10.0.0.5/${'a'.repeat(3000)}` })],
    ['cameras[0].username', camera({ password: 'hush' })],
    ['cameras[0].username', camera({ username: 'a:b' })],
    ['cameras[0].password', camera({ username: 'a', password: 'x\ny' })],
    ['cameras[0].transport', camera({ transport: -1 })],
    ['cameras[0].tls_fingerprint', camera({ url: 'rtsps://10.0.0.5/' })],
    ['cameras[0].tls_fingerprint', camera({ tlsFingerprint: 'ab'.repeat(32) })],
    ['cameras[0].transport', camera({ url: 'rtsps://h/', tlsFingerprint: 'ab'.repeat(32), transport: 2 })],
  ])('names %s', (field, bad) => {
    expect(() => validateCameras([bad])).toThrow(
      expect.objectContaining({ code: 3, details: expect.stringMatching(`^${literally(field)}: `) }),
    );
  });

  it('names the camera at fault among many, and a duplicate by both', () => {
    const set = ['a', 'b', 'c', 'a'].map((id) => camera({ id }));
    expect(() => validateCameras(set)).toThrow('cameras[3].id: the same as cameras[0].id');
    const many = Array.from({ length: 257 }, (_, i) => camera({ id: `c${i}` }));
    expect(() => validateCameras(many)).toThrow('cameras: 257 given, 256 at most');
    expect(validateCameras(many.slice(1))).toHaveLength(256);
  });

  it('gives the normal form', () => {
    const set = [camera({ url: 'rtsps://h/', tlsFingerprint: 'AB'.repeat(32) })];
    expect(validateCameras(set)[0]?.tlsFingerprint).toBe('ab'.repeat(32));
  });

  it('throws nothing but MediaError, and never repeats a URL', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (url, username, password) => {
        const secret = 'tell-nobody';
        try {
          validateCameras([camera({ url: `${url}${secret}`, username, password })]);
        } catch (error) {
          expect(error).toBeInstanceOf(MediaError);
          expect((error as MediaError).details).not.toContain(secret);
        }
      }),
    );
  });
});

describe('diffCameras', () => {
  it('tells added, changed and removed apart, and leaves the rest alone', () => {
    const before = ['same', 'edited', 'gone'].map((id) => camera({ id }));
    const after = [camera({ id: 'new' }), camera({ id: 'same' }), camera({ id: 'edited', record: false })];
    expect(diffCameras(before, after)).toEqual({ added: ['new'], changed: ['edited'], removed: ['gone'] });
  });
});

function literally(text: string): string {
  return text.replace(/[[\].]/g, '\\$&');
}
