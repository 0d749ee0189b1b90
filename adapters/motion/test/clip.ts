import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '@opennvr/service';

const ffmpegBin = findProgram('ffmpeg', 'FFMPEG_BIN');
/** Why there is no clip, for the names of skipped tests. */
export const why = ffmpegBin === undefined ? ' (skipped: no ffmpeg)' : '';

export interface Mover {
  /** Pixels. */
  size: number;
  colour: string;
  /** ffmpeg expressions in `t`, the number of the frame, which are a second apart. */
  x: string;
  y: string;
}

export const WIDTH = 640;
export const HEIGHT = 360;
const TEXTURE = '110+50*sin(X/17)*cos(Y/23)';

/**
 * JPEG frames, 320 pixels wide, one a second: a static texture with sensor noise, things that move over it, coded
 * as H.264 I-frames in between, as they come from a camera. `light` is an ffmpeg brightness expression.
 */
export function clip(frames: number, movers: Mover[], light = '0', texture = TEXTURE): Buffer[] {
  const folder = mkdtempSync(join(tmpdir(), 'motion-'));
  try {
    const inputs = [`color=gray:s=${WIDTH}x${HEIGHT}:r=1:d=${frames}`].concat(
      movers.map(({ colour, size }) => `color=${colour}:s=${size}x${size}:r=1:d=${frames}`),
    );
    const steps = [`[0]geq=lum='${texture}':cb=128:cr=128[b0]`];
    for (const [i, { x, y }] of movers.entries()) {
      steps.push(`[b${i}][${i + 1}]overlay=x='${x}':y='${y}':eval=frame[b${i + 1}]`);
    }
    steps.push(
      `[b${movers.length}]eq=brightness='${light}':eval=frame,noise=alls=8:allf=t:all_seed=7,format=yuv420p[out]`,
    );
    const film = join(folder, 'film.h264');
    const ffmpeg = (...args: string[]) => execFileSync(ffmpegBin ?? '', ['-v', 'error', '-y', ...args]);
    ffmpeg(
      ...inputs.flatMap((input) => ['-f', 'lavfi', '-i', input]),
      ...['-filter_complex', steps.join(';'), '-map', '[out]', '-frames:v', String(frames)],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '1', '-crf', '26', film],
    );
    ffmpeg('-i', film, '-vf', 'scale=320:-2', '-q:v', '5', join(folder, 'f_%03d.jpg'));
    const pictures = readdirSync(folder).filter((name) => name.endsWith('.jpg'));
    return pictures.sort().map((name) => readFileSync(join(folder, name)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
