import { header } from '../message/message.ts';
import { parseSdp } from '../sdp/index.ts';
import { RtspError, type Track } from '../types.ts';
import type { Dialogue } from './dialogue.ts';
import { isAbsolute, resolveControl } from './url.ts';

export interface Description {
  tracks: Track[];
  /** URL of the whole session, for PLAY, TEARDOWN and keep-alive. */
  sessionUrl: string;
  /** URL of each track, for SETUP, by `track.index`. */
  trackUrls: ReadonlyMap<number, string>;
  /** Value of the Server header; '' when absent. */
  server: string;
}

/**
 * DESCRIBE (RFC 2326 10.2, C.1). All URLs are the camera's own.
 *
 * @throws RtspError `redirected` when one is not, `unsupported` without any track, otherwise as it comes.
 */
export async function describe(dialogue: Dialogue): Promise<Description> {
  const response = await dialogue.request('DESCRIBE', dialogue.url, { Accept: 'application/sdp' });
  const { origin } = dialogue;
  const contentBase = origin.admit(header(response, 'content-base') ?? '', 'Content-Base');
  const location = origin.admit(header(response, 'content-location') ?? '', 'Content-Location');
  const base = [contentBase, location].find(isAbsolute) ?? dialogue.url;
  const { tracks, control } = parseSdp(response.body.toString('utf8'));
  if (tracks.length === 0) throw new RtspError('unsupported', 'the session description names no track');
  const sessionUrl = origin.admit(resolveControl(base, control), 'the session control URL');
  const trackUrls = new Map<number, string>();
  for (const track of tracks) {
    // A track is relative to the session's own URL where that is absolute (RFC 2326 C.1.1).
    const url = resolveControl(isAbsolute(control) ? sessionUrl : base, track.control);
    trackUrls.set(track.index, origin.admit(url, `the control URL of track ${track.index}`));
  }
  return { tracks, sessionUrl, trackUrls, server: header(response, 'server') ?? '' };
}
