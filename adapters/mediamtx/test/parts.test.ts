import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RtspError } from '@opennvr/rtsp';
import { SimulatedClock } from '@opennvr/service';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePaths } from '../src/api-answers.ts';
import { parseLogLine, problemOf, secretMask } from '../src/log-lines.ts';
import { LogTail } from '../src/log-tail.ts';
import { Prober } from '../src/prober.ts';
import { isAlive, startTicksOf } from '../src/processes.ts';
import { SegmentWatch } from '../src/segments.ts';
import { endpoint } from '../src/sockets.ts';
import { encodeUserInfo } from '../src/source-url.ts';
import { planned } from './support/planned.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'opennvr-parts-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('lines of the log', () => {
  it.each([
    ['2026/05/01 10:00:00 INF [API] started', { level: 'info', text: '[API] started' }],
    [
      '2026/05/01 10:00:00 ERR [path door] [RTSP source] EOF',
      { level: 'error', text: '[path door] [RTSP source] EOF', path: 'door' },
    ],
    ['2026/05/01 10:00:00 WAR [path door] 2 RTP packets lost', { level: 'warn', path: 'door' }],
    // A camera's words may hold any character but a line's end.
    ['2026/05/01 10:00:00 INF [path door] a\u2028b\rc', { level: 'info', path: 'door' }],
    ['panic: runtime error', { level: 'error', text: 'panic: runtime error' }],
  ])('%s', (line, expected) => {
    expect(parseLogLine(line)).toMatchObject(expected);
  });

  it('say what is wrong without their prefixes', () => {
    expect(problemOf(parseLogLine('2026/05/01 10:00:00 ERR [path door] [RTSP source] EOF'))).toBe('EOF');
  });

  it('never hold a secret of four letters or more, plain or percent-encoded', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 4 }),
        fc.string(),
        fc.string(),
        (secret, before, after) => {
          const mask = secretMask([secret, 'another-one']);
          for (const form of [secret, encodeURIComponent(secret.toWellFormed()), encodeUserInfo(secret)]) {
            const masked = mask(`${before}${form}${after}`);
            // What was put in its place may hold what is looked for.
            for (const part of masked.split('[redacted]')) expect(part).not.toContain(form);
          }
        },
      ),
    );
  });
});

describe('the answer about all cameras', () => {
  it.each([-16, 2 ** 36, 1.5])('is used although one camera makes its picture %d wide', (width) => {
    const tracks2 = [{ codec: 'H264', codecProps: { width, height: 1080 } }];
    const items = [
      { name: 'odd', available: true, tracks2, inboundBytes: 1e300 },
      { name: 'door', available: true },
    ];
    const paths = parsePaths(JSON.stringify({ items }));
    expect(paths.get('odd')).toEqual({
      online: true,
      tracks: [{ codec: 'h264', width: 0, height: 1080 }],
      bytes: 0,
    });
    expect(paths.get('door')?.online).toBe(true);
  });
});

it.each([
  '',
  '0100007F',
  '0100007F:',
  '-1000000000000000000000000000000:1F90',
  'zz00007F:1F90',
  '0100007F00:0001',
])("%j in a kernel table is nobody's address", (text) => {
  expect(endpoint(text)).toEqual({ address: '?', port: 0 });
});

describe('following a log', () => {
  it('gives new complete lines, bounded, and cuts the file off once it is read', () => {
    const path = join(folder, 'log');
    writeFileSync(path, 'old\n');
    const tail = new LogTail(path);
    appendFileSync(path, 'one\ntw');
    expect(tail.read()).toEqual(['one']);
    appendFileSync(path, 'o\n');
    expect(tail.read()).toEqual(['two']);
    appendFileSync(path, `${'x'.repeat(20_000)}\n`);
    expect(tail.read()).toEqual(['x'.repeat(8192)]);
    for (let i = 0; i < 20; i++) {
      appendFileSync(path, `${'y'.repeat(60_000)}\n`);
      tail.read();
      tail.read();
    }
    expect(statSync(path).size).toBeLessThan(1024 * 1024);
    appendFileSync(path, 'after\n');
    expect(tail.read().at(-1)).toBe('after');
    tail.close();
  });
});

describe('probes', () => {
  const clock = new SimulatedClock();

  it('are one per camera and so many at a time', async () => {
    let running = 0;
    let most = 0;
    const finish: (() => void)[] = [];
    const prober = new Prober(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => finish.push(resolve));
        running -= 1;
        return [];
      },
      3,
      clock,
    );
    const cameras = Array.from({ length: 10 }, (_, i) => planned({ id: `c${i}` }));
    const all = Promise.all([...cameras, ...cameras].map((camera) => prober.ask(camera)));
    while (finish.length > 0 || running > 0) {
      finish.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await all).toHaveLength(20);
    expect(most).toBe(3);
    expect(prober.isAsking('c0')).toBe(false);
  });

  it('tell what the camera answered, and give up on one that does not', async () => {
    const failing = new Prober(async () => Promise.reject(new RtspError('unauthorized', 'no')), 1, clock);
    expect(await failing.ask(planned())).toEqual({ ok: false, code: 'unauthorized', message: 'no' });
    const silent = new Prober(() => new Promise(() => undefined), 1, clock);
    const answer = silent.ask(planned());
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(4000);
    expect(await answer).toMatchObject({ ok: false, code: 'unreachable' });
  });
});

describe('segments', () => {
  it('count as recording while the newest grows, not because it is there', async () => {
    const watch = new SegmentWatch(folder, 1000);
    const write = (name: string, text: string) => appendFileSync(join(folder, 'door', name), text);
    expect(await watch.isGrowing('door', 0)).toBe(false);
    mkdirSync(join(folder, 'door'));
    expect(await watch.isGrowing('door', 0)).toBe(false);
    write('1700000000-000000.mp4', 'x');
    write('notes.txt', 'x');
    expect(await watch.isGrowing('door', 1000)).toBe(false);
    write('1700000000-000000.mp4', 'x');
    expect(await watch.isGrowing('door', 2000)).toBe(true);
    expect(await watch.isGrowing('door', 8999)).toBe(true);
    expect(await watch.isGrowing('door', 9000)).toBe(false);
    write('1700000060-000000.mp4', 'x');
    expect(await watch.isGrowing('door', 10_000)).toBe(true);
    // The manager moves finished segments away.
    rmSync(join(folder, 'door', '1700000000-000000.mp4'));
    write('1700000060-000000.mp4', 'x');
    expect(await watch.isGrowing('door', 12_000)).toBe(true);
    watch.forget('door');
    expect(await watch.isGrowing('door', 12_500)).toBe(false);
  });
});

describe('processes', () => {
  it('are told apart by when they started', () => {
    const startTicks = startTicksOf(process.pid) ?? '';
    expect(isAlive({ pid: process.pid, startTicks })).toBe(true);
    expect(isAlive({ pid: process.pid, startTicks: '1' })).toBe(false);
    expect(startTicksOf(0x7fffffff)).toBeUndefined();
  });
});
