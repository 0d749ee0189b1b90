import { difference } from './difference.ts';
import type { LumaGrid } from './grid.ts';
import { type Region, regions } from './regions.ts';

/** Normalised to the picture, origin top left. */
export interface MotionBox {
  x: number;
  y: number;
  w: number;
  h: number;
  /**
   * How far what moved stands out: e / (e + t), where t is the threshold below which a change counts as noise and
   * e the mean change beyond it. 0.5 is twice the threshold, 0 the threshold itself.
   */
  confidence: number;
}

export type Motion =
  | { kind: 'boxes'; boxes: MotionBox[] }
  /** Over half of the picture is different: the camera moved, or went from colour to infrared. */
  | { kind: 'scene_change'; share: number }
  /** There is nothing to compare with yet, or the frame is older than what was seen. */
  | { kind: 'unknown' };

/** Cells; fewer than these, about 10 × 10 pixels of a 320 pixel wide picture, are insects and rain. */
const MIN_CELLS = 6;
/**
 * Cells. A line one cell thick is where a thing's old places touch: the cell they share was half covered both times.
 */
const MIN_SIDE = 2;
const SCENE_CHANGE = 0.5;
const MAX_CAMERAS = 256;
/** Frames further apart are not compared: the light has moved on, or the clock has been set. */
const MAX_GAP_MS = 60_000;

interface Seen {
  grid: LumaGrid;
  at: number;
}

/**
 * Finds what moves by comparing each frame with the two before it. A cell counts when it differs from both: where a
 * thing was in the frame before, the background is back and equals the frame before that, so a moving thing gets one
 * box, where it is now, and none where it was.
 */
export class MotionDetector {
  /** Newest last; the two frames before, per camera. In order of use, so that the first is the one to forget. */
  readonly #seen = new Map<string, Seen[]>();

  look(cameraId: string, at: number, grid: LumaGrid): Motion {
    const history = this.#seen.get(cameraId) ?? [];
    const last = history.at(-1);
    const gap = at - (last?.at ?? at);
    // Late. From long ago it would be the clock that went back, and waiting for it to catch up would be blindness.
    if (last && gap <= 0 && gap >= -MAX_GAP_MS) return { kind: 'unknown' };
    const usable = last && Math.abs(gap) <= MAX_GAP_MS && sameSize(last.grid, grid) ? history : [];
    this.#remember(cameraId, [...usable, { grid, at }].slice(-2));
    const [first, second] = usable;
    if (!first || !second) return { kind: 'unknown' };
    return compare(grid, second.grid, first.grid);
  }

  #remember(cameraId: string, history: Seen[]): void {
    this.#seen.delete(cameraId);
    this.#seen.set(cameraId, history);
    if (this.#seen.size <= MAX_CAMERAS) return;
    const [stalest] = this.#seen.keys();
    if (stalest !== undefined) this.#seen.delete(stalest);
  }
}

function compare(now: LumaGrid, before: LumaGrid, beforeThat: LumaGrid): Motion {
  const near = difference(now, before);
  if (near.changed > SCENE_CHANGE) return { kind: 'scene_change', share: near.changed };
  const far = difference(now, beforeThat);
  const both = near.excess.map((value, i) => Math.min(value, far.excess[i] ?? 0));
  const found = regions(both, now.columns, now.rows, MIN_CELLS).filter(
    ({ left, right, top, bottom }) => Math.min(right - left, bottom - top) + 1 >= MIN_SIDE,
  );
  const threshold = Math.max(near.threshold, far.threshold);
  return { kind: 'boxes', boxes: found.map((region) => toBox(region, now, threshold)) };
}

function toBox(region: Region, grid: LumaGrid, threshold: number): MotionBox {
  const x = region.left / grid.width;
  const y = region.top / grid.height;
  const excess = region.weight / region.cells;
  return {
    x,
    y,
    w: Math.min(1, (region.right + 1) / grid.width) - x,
    h: Math.min(1, (region.bottom + 1) / grid.height) - y,
    confidence: excess / (excess + threshold),
  };
}

function sameSize(a: LumaGrid, b: LumaGrid): boolean {
  return a.width === b.width && a.height === b.height;
}
