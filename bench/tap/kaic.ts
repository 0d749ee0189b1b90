import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KaicServiceClient, TapState, type WatchStatusResponse } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { dialUnix } from '@opennvr/service';
import { serveMedia } from './media.ts';
import { wait } from './proc.ts';

const CAP_BYTES = 1024 * 1024 * 1024;

/** The real bundle, running. */
export interface KaicUnderTest {
  pid: number;
  framesDir: string;
  /** `tmpfs`, or the folder's filesystem when there is no right to mount one. */
  storage: string;
  status(): Promise<WatchStatusResponse>;
  stop(): Promise<void>;
}

/** Starts `dist/opennvr-kaic.js` on `cameras` cameras and waits until every tap runs. */
export async function startKaic(
  bundle: string,
  port: number,
  cameras: number,
  intervalMs: number,
): Promise<KaicUnderTest> {
  const dir = mkdtempSync(join(tmpdir(), 'opennvr-bench-'));
  const framesDir = join(dir, 'frames');
  mkdirSync(framesDir);
  const mounted =
    spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${CAP_BYTES}`, 'opennvr-bench', framesDir]).status === 0;
  const sockets = { media: join(dir, 'media.sock'), kaic: join(dir, 'kaic.sock') };
  const media = await serveMedia(sockets.media, port, cameras);
  const settings = {
    socketPath: sockets.kaic,
    stateDir: join(dir, 'state'),
    frames: { dir: framesDir, capBytes: CAP_BYTES },
    mediaSocket: sockets.media,
    decoderSocket: join(dir, 'decoder.sock'),
    plan: { cameras: Array.from({ length: cameras }, (_, n) => ({ cameraId: `cam${n}`, intervalMs })) },
  };
  const file = join(dir, 'kaic.json');
  writeFileSync(file, JSON.stringify(settings));
  const child = spawn(process.execPath, [bundle, '--settings', file], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const client = dialUnix(KaicServiceClient, sockets.kaic);
  const stop = async () => {
    client.close();
    await ended(child, 'SIGTERM');
    await media.close(0);
    if (mounted) spawnSync('umount', ['--lazy', framesDir]);
    rmSync(dir, { recursive: true, force: true });
  };
  const status = () =>
    new Promise<WatchStatusResponse>((resolve, reject) => {
      const stream = client.watchStatus({ interval: undefined });
      stream.once('data', (message: WatchStatusResponse) => {
        resolve(message);
        stream.cancel();
      });
      stream.on('error', reject);
    });
  const kaic = { pid: child.pid ?? 0, framesDir, storage: mounted ? 'tmpfs' : 'plain folder', status, stop };
  for (let tries = 0; ; tries++) {
    await wait(0.5);
    const taps = await status().then(
      ({ taps }) => taps,
      () => [],
    );
    if (
      taps.length === cameras &&
      taps.every(({ state, lastUri }) => state === TapState.TAP_STATE_RUNNING && lastUri !== '')
    )
      return kaic;
    if (tries > 60) {
      await stop();
      throw new Error(`after 30 s not all ${cameras} taps run: ${JSON.stringify(taps[0])}`);
    }
  }
}

/** Ends a process and waits for it. */
export function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
