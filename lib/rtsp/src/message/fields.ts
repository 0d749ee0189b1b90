import { RtspError } from '../types.ts';

/** One transport of a Transport header (RFC 2326 12.39). Ports and channels are [RTP, RTCP]. */
export interface Transport {
  lower: 'tcp' | 'udp';
  multicast: boolean;
  interleaved?: [number, number];
  clientPort?: [number, number];
  serverPort?: [number, number];
  source?: string;
  destination?: string;
}

/**
 * The transports a Transport header offers, in its order. Profiles other than RTP/AVP are left out.
 *
 * @throws RtspError `protocol` for a port or channel that is none.
 */
export function parseTransport(value: string): Transport[] {
  const transports: Transport[] = [];
  for (const spec of value.split(',')) {
    const [profile = '', ...parameters] = spec.split(';').map((part) => part.trim());
    const lower = /^RTP\/AVP(?:\/(UDP|TCP))?$/i.exec(profile);
    if (!lower) continue;
    const transport: Transport = {
      lower: lower[1]?.toUpperCase() === 'TCP' ? 'tcp' : 'udp',
      multicast: false,
    };
    for (const parameter of parameters) applyParameter(transport, parameter);
    transports.push(transport);
  }
  return transports;
}

function applyParameter(transport: Transport, parameter: string): void {
  const [name = '', raw = ''] = parameter.split(/=(.*)/s);
  const value = raw.replace(/^"(.*)"$/, '$1');
  switch (name.toLowerCase()) {
    case 'multicast':
      transport.multicast = true;
      break;
    case 'interleaved':
      transport.interleaved = parsePair(value, 255);
      break;
    case 'client_port':
      transport.clientPort = parsePair(value, 65_535);
      break;
    case 'server_port':
      transport.serverPort = parsePair(value, 65_535);
      break;
    case 'source':
      transport.source = value;
      break;
    case 'destination':
      transport.destination = value;
      break;
  }
}

function parsePair(value: string, max: number): [number, number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(value);
  const first = Number(match?.[1] ?? -1);
  const second = match?.[2] === undefined ? first + 1 : Number(match[2]);
  if (!match || first > max || second > max) {
    throw new RtspError('protocol', 'a Transport header with a port or channel that is none');
  }
  return [first, second];
}

/** A Session header (RFC 2326 12.37): `id;timeout=seconds`, 60 s when not given. */
export function parseSession(value: string): { id: string; timeoutMs: number } {
  const [id = '', ...parameters] = value.split(';').map((part) => part.trim());
  const timeout = parameters.map((text) => /^timeout=(\d{1,6})$/i.exec(text)?.[1]).find((text) => text);
  const seconds = Number(timeout ?? 60);
  return { id, timeoutMs: (seconds > 0 ? seconds : 60) * 1000 };
}
