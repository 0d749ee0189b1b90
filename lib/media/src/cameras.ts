import { type CameraSpec, invalidField } from './types.ts';

/** Cameras one engine takes (`opennvr.media.v1.ApplyCamerasRequest`). */
export const MAX_CAMERAS = 256;

const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const FINGERPRINT = /^[0-9a-f]{64}$/i;
const MAX_URL = 2048;
const MAX_CREDENTIAL = 256;

/** Which ids an ApplyCameras call touches, in the order of the set they come from. */
export interface CameraChange {
  added: string[];
  changed: string[];
  removed: string[];
}

/**
 * Checks a whole set and gives its normal form (fingerprints in lower case, nothing but known fields).
 *
 * @throws MediaError INVALID_ARGUMENT naming the first field at fault, for example `cameras[3].url`.
 *   The message never repeats a URL or a credential.
 */
export function validateCameras(cameras: readonly CameraSpec[]): CameraSpec[] {
  if (cameras.length > MAX_CAMERAS)
    throw invalidField('cameras', `${cameras.length} given, ${MAX_CAMERAS} at most`);
  const seen = new Map<string, number>();
  return cameras.map((camera, index) => {
    const field = (name: string) => `cameras[${index}].${name}`;
    if (!ID.test(camera.id)) throw invalidField(field('id'), 'expected [a-z0-9][a-z0-9_-]{0,62}');
    const earlier = seen.get(camera.id);
    if (earlier !== undefined) throw invalidField(field('id'), `the same as cameras[${earlier}].id`);
    seen.set(camera.id, index);
    return validateCamera(camera, field);
  });
}

function validateCamera(camera: CameraSpec, field: (name: string) => string): CameraSpec {
  const { id, url, username, password, transport, record } = camera;
  const scheme = validateUrl(url, field('url'));
  for (const [name, value] of [
    ['username', username],
    ['password', password],
  ] as const) {
    if (value.length > MAX_CREDENTIAL)
      throw invalidField(field(name), `longer than ${MAX_CREDENTIAL} characters`);
    if (hasControl(value)) throw invalidField(field(name), 'has a control character');
  }
  if (username === '' && password !== '')
    throw invalidField(field('username'), 'empty, but there is a password');
  if (username.includes(':')) throw invalidField(field('username'), 'has a colon (RFC 7617 section 2)');
  if (transport !== 0 && transport !== 1 && transport !== 2)
    throw invalidField(field('transport'), 'unknown value');
  const tlsFingerprint = camera.tlsFingerprint.toLowerCase();
  if (scheme === 'rtsps:') {
    if (!FINGERPRINT.test(tlsFingerprint))
      throw invalidField(field('tls_fingerprint'), 'rtsps:// needs 64 hex digits');
    if (transport === 2)
      throw invalidField(field('transport'), 'UDP would leave an rtsps:// stream unencrypted');
  } else if (tlsFingerprint !== '') {
    throw invalidField(field('tls_fingerprint'), 'only for rtsps://');
  }
  return { id, url, username, password, transport, tlsFingerprint, record };
}

function validateUrl(text: string, field: string): string {
  if (text.length > MAX_URL) throw invalidField(field, `longer than ${MAX_URL} characters`);
  if (hasControl(text) || text.includes(' ')) throw invalidField(field, 'has a space or a control character');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'rtsp:' && url.protocol !== 'rtsps:') || url.hostname === '')
    throw invalidField(field, 'expected rtsp://host… or rtsps://host…');
  if (url.username !== '' || url.password !== '')
    throw invalidField(field, 'has user info; use username and password');
  if (url.hash !== '') throw invalidField(field, 'has a fragment');
  if (url.port === '0') throw invalidField(field, 'port 0');
  return url.protocol;
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

/** What has to happen to get from one set to the other. Order does not matter. */
export function diffCameras(before: readonly CameraSpec[], after: readonly CameraSpec[]): CameraChange {
  const old = new Map(before.map((camera) => [camera.id, camera]));
  const ids = new Set(after.map((camera) => camera.id));
  const change: CameraChange = { added: [], changed: [], removed: [] };
  for (const camera of after) {
    const previous = old.get(camera.id);
    if (!previous) change.added.push(camera.id);
    else if (!sameSource(previous, camera) || previous.record !== camera.record)
      change.changed.push(camera.id);
  }
  for (const camera of before) if (!ids.has(camera.id)) change.removed.push(camera.id);
  return change;
}

/** True when nothing differs that needs a new connection to the camera. */
export function sameSource(a: CameraSpec, b: CameraSpec): boolean {
  return (
    a.url === b.url &&
    a.username === b.username &&
    a.password === b.password &&
    a.transport === b.transport &&
    a.tlsFingerprint === b.tlsFingerprint
  );
}
