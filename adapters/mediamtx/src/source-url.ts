import { type CameraSpec, invalidField } from '@opennvr/media';

const URL_PARTS = /^(rtsps?):\/\/((?:\[[0-9a-f:.]{2,45}\]|[0-9a-z._~-]{1,253})(?::\d{1,5})?)((?:[/?].*)?)$/i;
/** RFC 3986 section 3.3 and 3.4; Go's parser refuses a `%` that starts no escape. */
const PATH_AND_QUERY = /^(?:[0-9a-z._~!$&'()*+,;=:@/?-]|%[0-9a-f]{2})*$/i;
/** `$MTX_QUERY` and `$G1` are variables to MediaMTX. */
const VARIABLE = /\$(?:MTX_|G\d)/;
/** Names that MediaMTX takes for "every path" (its path settings, `all_others`). */
const RESERVED_IDS = new Set(['all', 'all_others']);

/**
 * Refuses what MediaMTX could not take, or would take for something else: a configuration it refuses makes it exit.
 *
 * @throws MediaError INVALID_ARGUMENT naming the field.
 */
export function checkForMediaMtx(camera: CameraSpec, index: number): void {
  const field = (name: string) => `cameras[${index}].${name}`;
  if (RESERVED_IDS.has(camera.id))
    throw invalidField(field('id'), `"${camera.id}" is a reserved word of MediaMTX`);
  const rest = URL_PARTS.exec(camera.url)?.[3];
  if (rest === undefined) throw invalidField(field('url'), 'host or port is not plain enough for MediaMTX');
  if (!PATH_AND_QUERY.test(rest))
    throw invalidField(field('url'), 'has a character that must be percent-encoded');
  if (VARIABLE.test(rest)) throw invalidField(field('url'), 'has a variable of MediaMTX in it');
  if (camera.username !== '' && camera.password === '')
    throw invalidField(field('password'), 'MediaMTX needs one where there is a user name');
}

/** The URL MediaMTX pulls: credentials as percent-encoded user info, the only form it takes. */
export function sourceUrl(camera: CameraSpec): string {
  const end = camera.url.indexOf('://');
  // MediaMTX compares the scheme letter by letter.
  const scheme = camera.url.slice(0, end).toLowerCase();
  const userInfo =
    camera.username === '' ? '' : `${encodeUserInfo(camera.username)}:${encodeUserInfo(camera.password)}@`;
  return `${scheme}://${userInfo}${camera.url.slice(end + 3)}`;
}

/** Everything but RFC 3986's unreserved characters, so that `$`, `@` and `'` are never seen as more than text. */
export function encodeUserInfo(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
