/**
 * What tapping cameras costs, and how soon a keyframe is there: make bench ARGS="tap"
 *
 *   tap [--cameras 64] [--seconds 60] [--rivals 4]     the claim, rivals beside it
 *   tap --growth [--seconds 30] [--svg FILE]           1, 8, 64, 256 cameras
 *   tap --memory 10 [--cameras 64]                     resident memory over ten minutes
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findProgram } from '@opennvr/service';
import { Arrivals } from './arrivals.ts';
import { CLIP } from './clip.ts';
import { ended, startKaic } from './kaic.ts';
import type { Sent } from './load-server.ts';
import { plot } from './plot.ts';
import { cpuSeconds, load, machine, memory, quantile, wait } from './proc.ts';
import { measureRival, RIVALS } from './rivals.ts';

/** Until the just-in-time compiler has settled: a tap runs for months. */
const WARM_UP_S = 30;
const INTERVAL_MS = 1000;
const MIB = 1024 * 1024;

interface LoadServer {
  port: number;
  kbps: number;
  /** Ends it and tells what keyframes it sent. */
  stop(): Promise<Sent[]>;
}

interface Measured {
  cameras: number;
  /** Share of a core, of all cameras together. */
  cores: number;
  latencies: number[];
  rss: number[];
  peak: number;
  stored: number;
  lost: number;
  storage: string;
}

const { values: options } = parseArgs({
  options: {
    cameras: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '60' },
    rivals: { type: 'string', default: '4' },
    growth: { type: 'boolean', default: false },
    memory: { type: 'string' },
    svg: { type: 'string' },
    bundle: { type: 'string', default: fileURLToPath(new URL('../../opennvr-kaic.js', import.meta.url)) },
  },
});
const ffmpeg = findProgram('ffmpeg', 'FFMPEG_BIN');
if (ffmpeg === undefined) throw new Error('ffmpeg is needed: set FFMPEG_BIN');
const cameras = Number(options.cameras);
const seconds = Number(options.seconds);

console.log(`${machine()}; load before: ${load()}`);
if (load() > 1) console.log('The machine is busy: these figures are worth little.');
if (options.growth) await growth();
else if (options.memory !== undefined) await flatMemory(Number(options.memory) * 60);
else await claim();

async function claim(): Promise<void> {
  const { measured, rivals } = await withServer(cameras, async (server) => {
    const measured = await measureKaic(server, cameras, seconds);
    const costs: number[] = [];
    for (const rival of Number(options.rivals) > 0 ? RIVALS : []) {
      const settings = {
        port: server.port,
        cameras: Number(options.rivals),
        warmUp: 5,
        seconds: Math.min(seconds, 30),
      };
      costs.push(await measureRival(ffmpeg as string, rival, settings));
    }
    return { measured, rivals: costs };
  });
  const own = measured.cores / cameras;
  console.table([
    { who: 'kaic', 'core per camera': percent(own), ratio: '1' },
    ...RIVALS.map(({ name }, i) => ({
      who: name,
      'core per camera': percent(rivals[i] ?? 0),
      ratio: `${((rivals[i] ?? 0) / own).toFixed(1)}×`,
    })),
  ]);
  console.table([row(measured)]);
}

async function growth(): Promise<void> {
  const all: Measured[] = [];
  for (const n of [1, 8, 64, 256]) {
    const work = async (server: LoadServer) => ({ measured: await measureKaic(server, n, seconds) });
    all.push((await withServer(n, work)).measured);
  }
  console.table(all.map(row));
  if (options.svg === undefined) return;
  const line = (title: string, unit: string, colour: string, value: (m: Measured) => number) => ({
    title,
    unit,
    colour,
    values: all.map(value),
  });
  const chart = plot(
    all.map((m) => m.cameras),
    [
      line('Core per camera', '%', '#1f6feb', (m) => (m.cores / m.cameras) * 100),
      line('Readable, p99', 'ms', '#cf222e', (m) => quantile(m.latencies, 0.99)),
      line('Memory', 'MiB', '#1a7f37', (m) => quantile(m.rss, 0.5) / MIB),
    ],
  );
  writeFileSync(options.svg, chart);
}

async function flatMemory(duration: number): Promise<void> {
  const { measured } = await withServer(cameras, async (server) => ({
    measured: await measureKaic(server, cameras, duration),
  }));
  const minutes = Array.from({ length: Math.ceil(measured.rss.length / 60) }, (_, minute) => {
    const samples = measured.rss.slice(minute * 60, minute * 60 + 60);
    return {
      minute: minute + 1,
      'mean RSS MiB': (samples.reduce((a, b) => a + b, 0) / samples.length / MIB).toFixed(1),
    };
  });
  console.table([row(measured)]);
  console.table(minutes);
}

/** Runs `work` against a load server; latencies are filled in from what the server says it sent. */
async function withServer<T extends { measured: Measured & { arrivals?: Arrivals } }>(
  n: number,
  work: (server: LoadServer) => Promise<T>,
): Promise<T> {
  const server = await startServer(n);
  console.log(
    `${n} cameras: H.264 ${CLIP.width}x${CLIP.height} ${CLIP.fps} fps, ${Math.round(server.kbps)} kbit/s on the wire, ` +
      `a keyframe every ${CLIP.gop} frames, RTSP/TCP on loopback from another process; interval ${INTERVAL_MS} ms, ${WARM_UP_S} s warm-up`,
  );
  const result = await work(server);
  const sent = await server.stop();
  result.measured.latencies = result.measured.arrivals?.latencies(sent) ?? [];
  return result;
}

async function measureKaic(
  server: LoadServer,
  n: number,
  duration: number,
): Promise<Measured & { arrivals: Arrivals }> {
  const kaic = await startKaic(options.bundle, server.port, n, INTERVAL_MS);
  try {
    await wait(WARM_UP_S);
    const arrivals = new Arrivals(kaic.framesDir, n);
    const rss: number[] = [];
    const start = performance.now();
    const before = cpuSeconds(kaic.pid);
    while (performance.now() - start < duration * 1000) {
      await wait(Math.min(1, duration));
      rss.push(memory(kaic.pid).now);
    }
    const cores = (cpuSeconds(kaic.pid) - before) / ((performance.now() - start) / 1000);
    arrivals.stop();
    const { peak } = memory(kaic.pid);
    const { taps } = await kaic.status();
    const stored = taps.reduce((sum, { keyframesStored }) => sum + keyframesStored, 0);
    const lost = taps.reduce((sum, { packetsLost }) => sum + packetsLost, 0);
    return { cameras: n, cores, latencies: [], rss, peak, stored, lost, storage: kaic.storage, arrivals };
  } finally {
    await kaic.stop();
  }
}

async function startServer(n: number): Promise<LoadServer> {
  const child = fork(fileURLToPath(new URL('./load-server.js', import.meta.url)), [`${n}`, ffmpeg as string]);
  const [{ port, kbps }] = (await once(child, 'message')) as [{ port: number; kbps: number }];
  return {
    port,
    kbps,
    async stop() {
      child.send('stop');
      const [{ sent }] = (await once(child, 'message')) as [{ sent: Sent[] }];
      await ended(child, 'SIGTERM');
      return sent;
    },
  };
}

function row(measured: Measured) {
  const { latencies, rss, peak } = measured;
  const ms = (p: number) => quantile(latencies, p).toFixed(2);
  return {
    cameras: measured.cameras,
    'core, all': percent(measured.cores),
    'core per camera': percent(measured.cores / measured.cameras),
    'readable p50 ms': ms(0.5),
    'p99 ms': ms(0.99),
    'max ms': ms(1),
    keyframes: latencies.length,
    'RSS MiB': Math.round(quantile(rss, 0.5) / MIB),
    'peak MiB': Math.round(peak / MIB),
    'packets lost': measured.lost,
    store: measured.storage,
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)} %`;
}
