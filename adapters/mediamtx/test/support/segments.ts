import { execFileSync } from 'node:child_process';

/**
 * Frames missing inside and between segments that follow each other, by their presentation times: ffprobe's word,
 * not the recorder's.
 */
export function lostFrames(segments: string[], framesPerSecond: number): { lost: number; checked: number } {
  let lost = 0;
  let checked = 0;
  for (const segment of segments) {
    const columns = ['-show_entries', 'packet=pts_time', '-of', 'csv=p=0'];
    const times = execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'v:0', ...columns, segment], {
      encoding: 'utf8',
    })
      .split(/[\s,]+/)
      .filter((text) => text !== '')
      .map(Number);
    for (let i = 1; i < times.length; i++) {
      const gap = (times[i] ?? 0) - (times[i - 1] ?? 0);
      lost += Math.max(0, Math.round(gap * framesPerSecond) - 1);
    }
    checked += times.length;
  }
  return { lost, checked };
}
