import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitAnnexB, type VideoCodec } from '../src/index.ts';

export const FFMPEG = process.env.FFMPEG_BIN ?? 'ffmpeg';
export const FFPROBE = process.env.FFPROBE_BIN ?? 'ffprobe';

/** Why real streams cannot be made here, '' when they can; for the names of skipped tests. */
export const withoutEncoders = ((): string => {
  const { stdout, error } = spawnSync(FFMPEG, ['-hide_banner', '-encoders'], { encoding: 'utf8' });
  if (error) return ` (skipped: no ${FFMPEG})`;
  return /libx264 .*libx265 /s.test(stdout) ? '' : ' (skipped: ffmpeg without libx264 or libx265)';
})();

export const withoutProbe = spawnSync(FFPROBE, ['-version']).error
  ? ` (skipped: no ${FFPROBE})`
  : withoutEncoders;

export interface Clip {
  codec: VideoCodec;
  /** An elementary stream with start codes. */
  path: string;
  nalUnits: Buffer[];
}

/** A folder of clips that goes away with {@link Clips.remove}. */
export class Clips {
  readonly folder = mkdtempSync(join(tmpdir(), 'opennvr-rtsp-'));
  #count = 0;

  /** Encodes a second and a half of moving test picture. */
  encode(
    codec: VideoCodec,
    { size = '320x180', pixels = 'yuv420p', rate = 20, extra = [] as string[] } = {},
  ): Clip {
    const path = join(this.folder, `${this.#count++}.${codec === 'h264' ? 'h264' : 'hevc'}`);
    const input = [
      '-f',
      'lavfi',
      '-i',
      // The source rounds to whole chroma samples of its own format; the scaler does not.
      `testsrc2=size=${size}:rate=${rate}:duration=1.5,format=${pixels},scale=${size.replace('x', ':')}`,
      '-pix_fmt',
      pixels,
    ];
    const quick = ['-preset', 'ultrafast', '-g', '10', '-threads', '1'];
    const encoder =
      codec === 'h264' ? ['-c:v', 'libx264'] : ['-c:v', 'libx265', '-x265-params', 'log-level=none:pools=1'];
    execFileSync(FFMPEG, ['-loglevel', 'error', '-y', ...input, ...encoder, ...quick, ...extra, path]);
    return { codec, path, nalUnits: splitAnnexB(readFileSync(path)) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
