import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ended } from './kaic.ts';
import { cpuSeconds, wait } from './proc.ts';

/** What a user would run instead of kaic, one process a camera. */
export const RIVALS: { name: string; args(dir: string, n: number): string[] }[] = [
  {
    name: 'ffmpeg, keyframes to JPEG',
    args: (dir, n) => [
      '-an',
      '-q:v',
      '3',
      '-vsync',
      'vfr',
      '-f',
      'image2',
      '-update',
      '1',
      '-y',
      join(dir, `${n}.jpg`),
    ],
  },
  { name: 'ffmpeg -c copy, thrown away', args: () => ['-an', '-c', 'copy', '-f', 'null', '-'] },
  {
    name: 'ffmpeg -c copy to MP4',
    args: (dir, n) => [
      '-an',
      '-c',
      'copy',
      '-movflags',
      '+frag_keyframe+empty_moov',
      '-y',
      join(dir, `${n}.mp4`),
    ],
  },
];

/** Share of a core one camera costs, measured over `seconds` with `cameras` processes. */
export async function measureRival(
  ffmpeg: string,
  rival: (typeof RIVALS)[number],
  { port, cameras, warmUp, seconds }: { port: number; cameras: number; warmUp: number; seconds: number },
): Promise<number> {
  // Memory, so that no disk has a say.
  const dir = mkdtempSync(join('/dev/shm', 'opennvr-bench-'));
  const keyframes = rival.name.includes('JPEG') ? ['-skip_frame', 'nokey'] : [];
  const children: ChildProcess[] = [];
  try {
    for (let n = 0; n < cameras; n++) {
      const input = ['-rtsp_transport', 'tcp', ...keyframes, '-i', `rtsp://127.0.0.1:${port}/cam${n}`];
      const args = ['-nostdin', '-loglevel', 'fatal', '-threads', '1', ...input, ...rival.args(dir, n)];
      children.push(spawn(ffmpeg, args, { stdio: 'ignore' }));
    }
    await wait(warmUp);
    const total = () => children.reduce((sum, { pid }) => sum + cpuSeconds(pid ?? 0), 0);
    const before = total();
    const start = performance.now();
    await wait(seconds);
    const used = total() - before;
    return used / ((performance.now() - start) / 1000) / cameras;
  } finally {
    await Promise.all(children.map((child) => ended(child, 'SIGKILL')));
    rmSync(dir, { recursive: true, force: true });
  }
}
