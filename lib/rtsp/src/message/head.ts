import { LIMITS, RtspError } from '../types.ts';
import type { RtspMessage } from './message.ts';

const RESPONSE_LINE = /^RTSP\/1\.\d (\d{3})(?: (.*))?$/;
const REQUEST_LINE = /^([A-Z_]{1,32}) (\S+) RTSP\/1\.\d$/;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Reads start line and header fields (RFC 2326 4, 6, 7), up to and without the empty line. The body is
 * left empty. Lines may end in LF alone, fields may be folded. What a peer sent is not repeated in errors:
 * a request line may carry somebody's credentials.
 *
 * @throws RtspError `protocol`.
 */
export function parseHead(text: string): RtspMessage {
  const lines = text.split(/\r?\n/);
  const startLine = lines.shift() ?? '';
  const headers = parseFields(lines);
  const response = RESPONSE_LINE.exec(startLine);
  if (response) {
    const [, status = '', reason = ''] = response;
    return { kind: 'response', status: Number(status), reason, headers, body: EMPTY };
  }
  const request = REQUEST_LINE.exec(startLine);
  if (request) {
    const [, method = '', url = ''] = request;
    return { kind: 'request', method, url, headers, body: EMPTY };
  }
  throw new RtspError('protocol', 'garbage where a message or an interleaved frame should start');
}

function parseFields(lines: string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  let latest: string[] | undefined;
  for (const line of lines) {
    if (line === '') continue;
    if (latest && (line.startsWith(' ') || line.startsWith('\t'))) {
      latest.push(`${latest.pop()} ${line.trim()}`.trim());
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trimEnd().toLowerCase();
    if (!FIELD_NAME.test(name)) throw new RtspError('protocol', 'a header line that is no "name: value"');
    latest = headers.get(name) ?? [];
    latest.push(line.slice(colon + 1).trim());
    headers.set(name, latest);
  }
  return headers;
}

/**
 * Bytes of body that follow the headers (RFC 2326 12.14); no Content-Length means none.
 *
 * @throws RtspError `protocol` when it is no number or given twice differently, `limit` above LIMITS.body.
 */
export function contentLength(message: RtspMessage): number {
  const values = message.headers.get('content-length');
  const first = values?.[0];
  if (first === undefined) return 0;
  if (!/^\d{1,15}$/.test(first) || values?.some((value) => value !== first)) {
    throw new RtspError('protocol', 'a Content-Length that is no single number');
  }
  const length = Number(first);
  if (length > LIMITS.body)
    throw new RtspError('limit', `a body of ${length} bytes, more than ${LIMITS.body}`);
  return length;
}

const EMPTY = Buffer.alloc(0);
