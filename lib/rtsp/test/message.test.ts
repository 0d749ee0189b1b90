import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSession, parseTransport } from '../src/message/fields.ts';
import { encodeRequest, encodeResponse, header, type RtspMessage } from '../src/message/message.ts';
import { StreamParser } from '../src/message/parser.ts';
import { LIMITS, RtspError } from '../src/types.ts';

type Event = RtspMessage | { channel: number; payload: Buffer };

/** Pushes chunks through one memory that is overwritten each time, as a socket's read buffer is. */
function parse(chunks: readonly Uint8Array[], pad = 0): Event[] {
  const events: Event[] = [];
  const parser = new StreamParser({
    onMessage: (message) => events.push(message),
    onInterleaved: (channel, buf, start, end) =>
      events.push({ channel, payload: Buffer.from(buf.subarray(start, end)) }),
  });
  const memory = Buffer.alloc(pad + Math.max(0, ...chunks.map((chunk) => chunk.length)));
  for (const chunk of chunks) {
    memory.fill(0x24);
    memory.set(chunk, pad);
    parser.push(memory, pad, pad + chunk.length);
  }
  return events;
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length));
}

function interleaved(channel: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([0x24, channel, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, payload]);
}

const word = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/);
const item = fc.oneof(
  fc
    .record({ channel: fc.nat(255), payload: fc.uint8Array({ maxLength: 3000 }) })
    .map(({ channel, payload }) => ({
      bytes: interleaved(channel, payload),
      event: { channel, payload: Buffer.from(payload) } as unknown,
    })),
  fc
    .record({ url: word, cseq: fc.nat(), body: fc.string({ maxLength: 300 }) })
    .map(({ url, cseq, body }) => ({
      bytes: encodeRequest('GET_PARAMETER', `rtsp://h/${url}`, { CSeq: cseq }, body),
      event: { kind: 'request', method: 'GET_PARAMETER', url: `rtsp://h/${url}`, body: Buffer.from(body) },
    })),
  fc
    .record({ status: fc.constantFrom(200, 401, 454), body: fc.string({ maxLength: 300 }) })
    .map((response) => ({
      bytes: encodeResponse(response.status, { CSeq: 7 }, response.body),
      event: { kind: 'response', status: response.status, body: Buffer.from(response.body) },
    })),
  fc.constant({ bytes: Buffer.from('\r\n'), event: undefined }),
);

describe('the stream parser', () => {
  it('reads the same, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(item, { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        fc.nat(9),
        (items, at, pad) => {
          const stream = Buffer.concat(items.map(({ bytes }) => bytes));
          const expected = items.flatMap(({ event }) => (event === undefined ? [] : [event]));
          expect(parse(cut(stream, at), pad)).toMatchObject(expected);
        },
      ),
    );
  });

  it('reads the same byte by byte', () => {
    const bytes = Buffer.concat([
      interleaved(3, Buffer.from('frame')),
      encodeResponse(200, { CSeq: 1, Public: 'OPTIONS' }, 'body'),
      interleaved(0, Buffer.alloc(0)),
    ]);
    const events = parse([...bytes].map((byte) => Uint8Array.of(byte)));
    expect(events).toEqual(parse([bytes]));
    expect(events).toHaveLength(3);
  });

  it('hands on a frame that lies whole in the buffer in place', () => {
    const bytes = Buffer.concat([interleaved(0, Buffer.from('one')), interleaved(0, Buffer.from('two'))]);
    const seen: [Buffer, number, number][] = [];
    const parser = new StreamParser({
      onMessage: () => undefined,
      onInterleaved: (_, buf, start, end) => seen.push([buf, start, end]),
    });
    parser.push(bytes, 0, bytes.length);
    expect(seen.map(([buf]) => buf === bytes)).toEqual([true, true]);
    expect(seen.map(([, start, end]) => [start, end])).toEqual([
      [4, 7],
      [11, 14],
    ]);
  });

  it('throws nothing but a typed error, and holds little, whatever comes', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .constantFrom('RTSP/1.0 200 OK\r\n', 'Content-Length: ', '\r\n\r\n', '$', '9999', ' x: y', ':')
        .map(Buffer.from),
      item.map(({ bytes }) => bytes),
    );
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 30 }), (chunks) => {
        try {
          parse(chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(RtspError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('stops in the middle of a buffer when told to', () => {
    const two = Buffer.concat([interleaved(0, Buffer.from('x')), interleaved(0, Buffer.from('y'))]);
    let frames = 0;
    const parser: StreamParser = new StreamParser({
      onMessage: () => undefined,
      onInterleaved: () => {
        frames++;
        parser.stop();
      },
    });
    parser.push(two, 0, two.length);
    expect(frames).toBe(1);
  });

  const refused: [string, string, string][] = [
    ['headers one byte too long', `RTSP/1.0 200 OK\r\nX: ${'x'.repeat(LIMITS.headers)}`, 'limit'],
    ['a body one byte too long', `RTSP/1.0 200 OK\r\nContent-Length: ${LIMITS.body + 1}\r\n\r\n`, 'limit'],
    ['a negative Content-Length', 'RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n', 'protocol'],
    ['RTSP 2.0', 'RTSP/2.0 200 OK\r\n\r\n', 'protocol'],
    ['a line without a colon', 'RTSP/1.0 200 OK\r\nnonsense\r\n\r\n', 'protocol'],
    ['a zero byte', 'RTSP/1.0 200 OK\r\nX: \0\r\n\r\n', 'protocol'],
    ['a status of two digits', 'RTSP/1.0 20 OK\r\n\r\n', 'protocol'],
  ];
  for (const [name, text, code] of refused) {
    it(`refuses ${name}`, () => {
      expect(() => parse([Buffer.from(text)])).toThrow(expect.objectContaining({ code }));
    });
  }

  it('takes what real cameras send: bare line feeds, folded fields, repeated fields, no reason', () => {
    const text =
      'RTSP/1.0 401\nCSeq:1\nWWW-Authenticate: Basic realm="x"\nwww-authenticate : Digest\n  nonce="y"\n\n';
    const [message] = parse([Buffer.from(text)]) as RtspMessage[];
    expect(message?.headers.get('www-authenticate')).toEqual(['Basic realm="x"', 'Digest nonce="y"']);
    expect(message && header(message, 'cseq')).toBe('1');
  });
});

describe('messages to send', () => {
  it('are never broken open by a value', () => {
    expect(() => encodeRequest('PLAY', 'rtsp://h/', { Session: '1\r\nX: y' })).toThrow(RtspError);
    expect(() => encodeRequest('PLAY', 'rtsp://h/\r\n', {})).toThrow(RtspError);
  });
});

describe('header fields', () => {
  it('Transport', () => {
    const value =
      'RTP/SAVP;unicast,RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=1,RTP/AVP;multicast;client_port=5000;source="1.2.3.4"';
    expect(parseTransport(value)).toEqual([
      { lower: 'tcp', multicast: false, interleaved: [4, 5] },
      { lower: 'udp', multicast: true, clientPort: [5000, 5001], source: '1.2.3.4' },
    ]);
    for (const bad of ['client_port=65535', 'interleaved=256-257', 'server_port=x', 'client_port=-1']) {
      expect(() => parseTransport(`RTP/AVP;${bad}`)).toThrow(expect.objectContaining({ code: 'protocol' }));
    }
  });

  it('Session', () => {
    expect(parseSession('abc;timeout=30')).toEqual({ id: 'abc', timeoutMs: 30_000 });
    for (const value of ['abc', 'abc;timeout=0', 'abc;timeout=x']) {
      expect(parseSession(value)).toEqual({ id: 'abc', timeoutMs: 60_000 });
    }
  });
});
