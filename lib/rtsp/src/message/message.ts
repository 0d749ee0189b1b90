import { RtspError } from '../types.ts';

/** Header fields by lower-case name, in the order they came. */
export type Headers = ReadonlyMap<string, readonly string[]>;

export interface RtspRequest {
  kind: 'request';
  method: string;
  url: string;
  headers: Headers;
  body: Buffer;
}

export interface RtspResponse {
  kind: 'response';
  status: number;
  reason: string;
  headers: Headers;
  body: Buffer;
}

export type RtspMessage = RtspRequest | RtspResponse;

/** First value of a header field; `name` in lower case. */
export function header(message: { headers: Headers }, name: string): string | undefined {
  return message.headers.get(name)?.[0];
}

/** The CSeq of a message (RFC 2326 12.17), undefined when absent or not a number. */
export function sequenceNumber(message: { headers: Headers }): number | undefined {
  const text = header(message, 'cseq');
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** Header fields to send; a list becomes one line an entry, undefined is left out. */
export type HeaderFields = Record<string, string | number | readonly string[] | undefined>;

/**
 * RFC 2326 6.
 *
 * @throws RtspError `protocol` when a value would break out of its line.
 */
export function encodeRequest(method: string, url: string, fields: HeaderFields, body = ''): Buffer {
  return encode(`${method} ${url} RTSP/1.0`, fields, body);
}

/**
 * RFC 2326 7.
 *
 * @throws RtspError `protocol` when a value would break out of its line.
 */
export function encodeResponse(status: number, fields: HeaderFields, body = ''): Buffer {
  return encode(`RTSP/1.0 ${status} ${REASONS[status] ?? 'Error'}`, fields, body);
}

function encode(startLine: string, fields: HeaderFields, body: string): Buffer {
  const lines = [startLine];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) lines.push(`${name}: ${one}`);
  }
  if (body !== '') lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  for (const line of lines) {
    if (/[\r\n\0]/.test(line)) throw new RtspError('protocol', 'a header field to send holds a line break');
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** Reason phrases of the status codes our server sends (RFC 2326 7.1.1). */
const REASONS: Record<number, string> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  453: 'Not Enough Bandwidth',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'RTSP Version Not Supported',
};
