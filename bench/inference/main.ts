/**
 * How long from an I-frame to what an adapter says about it: make bench ARGS="inference"
 *
 *   inference [--cameras 4] [--seconds 60] [--rivals 20]
 *
 * The real programs (kaic, decoder, an adapter on the SDK that does nothing), each a process of its own, fed by
 * cameras over RTSP. `end to end` is from the last packet of the I-frame (its capture time) to the detection in the
 * hands of somebody who watches kaic; `stored to result` leaves out the way into the store and to the watcher.
 * The rival is what a user would write: an ffmpeg per keyframe that makes a JPEG, without any adapter behind it.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { KaicServiceClient, type WatchDetectionsResponse } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { dialUnix, findProgram } from '@opennvr/service';
import { CLIP } from '../tap/clip.ts';
import { ended } from '../tap/kaic.ts';
import { serveMedia } from '../tap/media.ts';
import { load, machine, quantile, wait } from '../tap/proc.ts';

const WARM_UP_S = 8;
const GOAL_P50_MS = 25;
/** JPEG widths: full size, what object detectors take, what the motion adapter takes. */
const WIDTHS = [0, 640, 320];

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const { values: options } = parseArgs({
  options: {
    cameras: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '60' },
    rivals: { type: 'string', default: '20' },
    bundles: { type: 'string', default: beside('../..') },
  },
});
const cameras = Number(options.cameras);
const ffmpeg = findProgram('ffmpeg', 'FFMPEG_BIN');
if (ffmpeg === undefined) throw new Error('ffmpeg is needed: set FFMPEG_BIN');

interface Measured {
  endToEnd: number[];
  storedToResult: number[];
  /** A keyframe out of the store, for the rival. */
  keyframe: Buffer;
  detail: string;
}

console.log(`${machine()}; load before: ${load()}`);
if (load() > 1) console.log('The machine is busy: these figures are worth little.');
const server = fork(beside('./load-server.js'), [`${cameras}`, ffmpeg]);
const [{ port, kbps }] = (await once(server, 'message')) as [{ port: number; kbps: number }];
console.log(
  `${cameras} cameras: H.264 ${CLIP.width}x${CLIP.height}, ${Math.round(kbps)} kbit/s, a keyframe a second each; ` +
    `${options.seconds} s a row after ${WARM_UP_S} s of warm-up`,
);
try {
  const rows: Record<string, string | number>[] = [];
  for (const width of WIDTHS) {
    const measured = await measure(port, width);
    rows.push(
      row(`opennvr, JPEG ${width === 0 ? 'full size' : `${width} wide`}`, measured.endToEnd, measured),
    );
    if (measured.endToEnd.length === 0) console.log(`no results: ${measured.detail}`);
    else if (Number(options.rivals) > 0) {
      rows.push(
        row(
          `ffmpeg per keyframe, ${width === 0 ? 'full size' : `${width} wide`}`,
          rival(measured.keyframe, width),
        ),
      );
    }
  }
  console.table(rows);
  console.log(`goal: end to end p50 ≤ ${GOAL_P50_MS} ms`);
} finally {
  server.disconnect();
  await ended(server, 'SIGTERM');
}

/** Starts everything on fresh sockets, watches, stops everything. */
async function measure(cameraPort: number, maxWidth: number): Promise<Measured> {
  const dir = mkdtempSync(join(tmpdir(), 'opennvr-bench-'));
  const path = (name: string) => join(dir, name);
  mkdirSync(path('frames'));
  const mounted =
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'opennvr-bench', path('frames')]).status === 0;
  const media = await serveMedia(path('media.sock'), cameraPort, cameras);
  const noop = fork(beside('./noop-adapter.js'), [path('noop.sock'), `${maxWidth}`]);
  await once(noop, 'message');
  const children: ChildProcess[] = [
    noop,
    program('opennvr-decoder', dir, { socketPath: path('decoder.sock') }),
    program('opennvr-kaic', dir, {
      socketPath: path('kaic.sock'),
      stateDir: path('state'),
      frames: { dir: path('frames'), capBytes: 128 * 1024 * 1024 },
      mediaSocket: path('media.sock'),
      decoderSocket: path('decoder.sock'),
      plan: {
        cameras: Array.from({ length: cameras }, (_, n) => ({ cameraId: `cam${n}` })),
        adapters: [{ name: 'noop', socketPath: path('noop.sock'), assignments: [{}] }],
      },
    }),
  ];
  const client = dialUnix(KaicServiceClient, path('kaic.sock'));
  try {
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + 20_000, (error) => (error ? reject(error) : resolve()));
    });
    await wait(WARM_UP_S);
    const measured: Measured = { endToEnd: [], storedToResult: [], keyframe: Buffer.alloc(0), detail: '' };
    const stream = client.watchDetections({ cameraIds: [], adapters: [] });
    stream.on('error', (error) => {
      measured.detail = error.message;
    });
    stream.on('data', ({ captureTime, latency }: WatchDetectionsResponse) => {
      measured.endToEnd.push(Date.now() - ms(captureTime));
      measured.storedToResult.push(ms(latency));
    });
    await wait(Number(options.seconds));
    measured.keyframe = newestKeyframe(path('frames'));
    stream.cancel();
    return measured;
  } finally {
    client.close();
    for (const child of children.reverse()) await ended(child, 'SIGTERM');
    await media.close(0);
    if (mounted) spawnSync('umount', ['--lazy', path('frames')]);
    rmSync(dir, { recursive: true, force: true });
  }
}

function program(name: string, dir: string, settings: object): ChildProcess {
  const file = join(dir, `${name}.json`);
  writeFileSync(file, JSON.stringify(settings));
  return spawn(process.execPath, [join(options.bundles, `${name}.js`), '--settings', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, OPENNVR_LOG_LEVEL: 'warn' },
  });
}

/** Time of one ffmpeg per keyframe, from bytes in memory to a JPEG in memory, ms. */
function rival(keyframe: Buffer, width: number): number[] {
  const scale = width === 0 ? [] : ['-vf', `scale=${width}:-1`];
  return Array.from({ length: Number(options.rivals) }, () => {
    const start = performance.now();
    const done = spawnSync(
      ffmpeg as string,
      [
        '-v',
        'error',
        '-f',
        'h264',
        '-i',
        'pipe:0',
        ...scale,
        '-q:v',
        '4',
        '-f',
        'image2pipe',
        '-c:v',
        'mjpeg',
        'pipe:1',
      ],
      { input: keyframe, maxBuffer: 1 << 26 },
    );
    if (done.status !== 0 || done.stdout.length === 0) throw new Error('the rival made no picture');
    return performance.now() - start;
  });
}

/** The store's layout: a folder a camera, frames with the codec as ending. */
function newestKeyframe(framesDir: string): Buffer {
  const name = readdirSync(framesDir, { recursive: true, encoding: 'utf8' })
    .filter((file) => /frame_\d+\.h264$/.test(file))
    .sort()
    .at(-1);
  return name === undefined ? Buffer.alloc(0) : readFileSync(join(framesDir, name));
}

function ms(time: { seconds: number; nanos: number } | undefined): number {
  return (time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6;
}

function row(who: string, values: readonly number[], measured?: Measured): Record<string, string | number> {
  const figure = (list: readonly number[], p: number) => quantile(list, p).toFixed(1);
  return {
    who,
    frames: values.length,
    'end to end p50 ms': figure(values, 0.5),
    'p99 ms': figure(values, 0.99),
    ...(measured && { 'stored to result p50 ms': figure(measured.storedToResult, 0.5) }),
  };
}
