import { invalidField } from './types.ts';

/** Bytes of an offer (`opennvr.media.v1.OpenLiveRequest`). */
export const MAX_OFFER_BYTES = 64 * 1024;

/**
 * Takes every address a browser names out of its offer (RFC 8839): ICE candidates, and those in `c=`, `a=rtcp`
 * and the ports of `m=`. The engine then learns the browser's address from the browser's own packets and never
 * opens a flow to an address somebody wrote down.
 *
 * @throws MediaError INVALID_ARGUMENT naming `offer_sdp`.
 */
export function stripCandidates(offer: string): string {
  if (Buffer.byteLength(offer) > MAX_OFFER_BYTES)
    throw invalidField('offer_sdp', `larger than ${MAX_OFFER_BYTES} bytes`);
  const lines = offer.split(/\r\n|\n|\r/).filter((line) => line !== '');
  if (lines[0] !== 'v=0' || !lines.some((line) => line.startsWith('m=')))
    throw invalidField('offer_sdp', 'no session description');
  const kept = lines
    .filter((line) => !/^a=(candidate|remote-candidates|end-of-candidates|rtcp)(:|$)/i.test(line))
    .map((line) =>
      line.startsWith('c=') ? 'c=IN IP4 0.0.0.0' : line.startsWith('m=') ? portless(line) : line,
    );
  return `${kept.join('\r\n')}\r\n`;
}

/** A media line (RFC 8866 section 5.14) on the port that stands for none. */
function portless(line: string): string {
  const [head, media, port] = /^(m=\S+ )(\d+)(?:\/\d+)? /.exec(line) ?? [];
  if (head === undefined) throw invalidField('offer_sdp', 'a media line without a port');
  // Port 0 means "this section is off" and has to stay.
  return `${media}${Number(port) === 0 ? 0 : 9} ${line.slice(head.length)}`;
}
