import { RtspError } from '../types.ts';
import { normalAddress } from '../udp/address.ts';

/** Where a session connects to, and nowhere else. */
export interface Target {
  /** RTSP over TLS. */
  tls: boolean;
  /** Name or address, lower case, no brackets. */
  host: string;
  port: number;
  /** The request URL: no user info, no fragment. */
  url: string;
}

const DEFAULT_PORT = { rtsp: 554, rtsps: 322 } as const;

interface Authority {
  host: string;
  port: number | undefined;
}

/**
 * Reads an RTSP URL (RFC 2326 3.2). Path and query are kept as they are: cameras compare them as text.
 *
 * @throws RtspError `unsupported` for anything but rtsp:// and rtsps://, and for user info in it.
 */
export function parseTarget(url: string): Target {
  const match = /^(rtsps?):\/\/([^/?#]*)([^#]*)/i.exec(url);
  if (!match || url.length > 4096)
    throw new RtspError('unsupported', 'the URL is no rtsp:// or rtsps:// URL');
  const scheme = (match[1] ?? '').toLowerCase() as keyof typeof DEFAULT_PORT;
  const [, , authority = '', rest = ''] = match;
  if (authority.includes('@')) {
    throw new RtspError(
      'unsupported',
      'the URL holds a user name; user name and password have their own fields',
    );
  }
  const parsed = parseAuthority(authority);
  if (!parsed) throw new RtspError('unsupported', 'the URL names no usable host and port');
  return {
    tls: scheme === 'rtsps',
    host: parsed.host,
    port: parsed.port ?? DEFAULT_PORT[scheme],
    url: percentEncode(`${scheme}://${authority}${rest}`),
  };
}

function parseAuthority(text: string): Authority | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:@\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = (match?.[1] ?? match?.[2] ?? '').toLowerCase();
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  if (host === '' || port === 0 || (port ?? 0) > 65_535) return undefined;
  return { host, port };
}

/** Visible ASCII only, so that no URL, ours or a camera's, breaks out of its request line. */
function percentEncode(url: string): string {
  return url.replace(/[^\x21-\x7e]/gu, (char) => Buffer.from(char).toString('hex').replace(/../g, '%$&'));
}

/** The one camera a session speaks to: what was asked for, and the address that answered. */
export class Origin {
  readonly #hosts: Set<string>;
  readonly #port: number;

  constructor(target: Target, remoteAddress: string) {
    this.#hosts = new Set([target.host, normalAddress(remoteAddress)]);
    this.#port = target.port;
  }

  /** Whether a host name or address (no port) is the camera itself. */
  isHost(host: string): boolean {
    return this.#hosts.has(normalAddress(host.replace(/^\[(.*)\]$/, '$1').toLowerCase()));
  }

  /**
   * Checks a URL that the camera sent. Relative URLs pass as they are. An absolute one must name the
   * camera's host, and its port where it names one. User info is taken out.
   *
   * @throws RtspError `redirected` naming the `field` it came in and where it points.
   */
  admit(url: string, field: string): string {
    const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(url);
    if (!match) return percentEncode(url);
    const [, scheme = '', full = '', rest = ''] = match;
    const authority = full.slice(full.lastIndexOf('@') + 1);
    const parsed = parseAuthority(authority);
    const own =
      /^rtsps?$/i.test(scheme) &&
      !full.includes('\\') &&
      parsed !== undefined &&
      this.isHost(parsed.host) &&
      (parsed.port === undefined || parsed.port === this.#port);
    if (own) return percentEncode(`${scheme}://${authority}${rest}`);
    throw new RtspError('redirected', `${field} leaves the camera for ${shown(authority)}`);
  }

  /**
   * Checks the address in a `source` parameter of the camera's.
   *
   * @throws RtspError `redirected`.
   */
  admitHost(host: string, field: string): void {
    if (host === '' || host === '0.0.0.0' || this.isHost(host)) return;
    throw new RtspError('redirected', `${field} leaves the camera for ${shown(host)}`);
  }
}

/**
 * The URL of a track or of the whole session (RFC 2326 C.1.1). `*` and '' are the base. Anything else
 * relative is put behind the base, query included, with one slash between: that is what cameras mean
 * when their Content-Base lacks its slash or ends in a query, and what their other clients do.
 */
export function resolveControl(base: string, control: string): string {
  if (control === '' || control === '*') return base;
  if (isAbsolute(control)) return control;
  if (control.startsWith('?')) return base + control;
  return `${base.replace(/\/$/, '')}/${control.replace(/^\//, '')}`;
}

export function isAbsolute(url: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url);
}

/** Fit for an error message, whatever the camera wrote. */
export function shown(text: string): string {
  const clean = text.slice(text.lastIndexOf('@') + 1).replace(/[^A-Za-z0-9.:_[\]-]/g, '?');
  return clean === '' ? 'an unnamed host' : clean.slice(0, 80);
}
