import type { LumaGrid } from './grid.ts';

/** Luma steps that sensor noise and JPEG never reach in the mean of a cell. */
const FLOOR = 10;
/** Standard deviations of the picture's own noise. */
const SIGMAS = 6;

/** How far each cell of `now` is from `before` beyond what light and noise explain; 0 where they explain it. */
export interface Difference {
  /** Luma steps above the threshold. */
  excess: Float32Array;
  /** Share of cells that changed by more than any camera's noise: above one half, `threshold` means nothing. */
  changed: number;
  threshold: number;
}

/**
 * Compares two grids of the same size.
 *
 * Light that changes everywhere (a cloud, automatic exposure) shifts and stretches luma alike: the shift is the
 * median difference, the stretch the ratio of the spreads, and both are taken out first. What then scatters is
 * noise, measured as the median absolute deviation, which a moving thing that fills less than half the picture
 * does not touch.
 */
export function difference(now: LumaGrid, before: LumaGrid): Difference {
  const from = centre(before.cells);
  const to = centre(now.cells);
  const gain = from.spread > 1 && to.spread > 1 ? clamp(to.spread / from.spread, 0.25, 4) : 1;
  const change = now.cells.map((cell, i) => cell - to.median - ((before.cells[i] ?? 0) - from.median) * gain);
  const shift = median(change);
  const size = change.map((value) => Math.abs(value - shift));
  const threshold = Math.max(FLOOR, SIGMAS * 1.4826 * median(size));
  return {
    excess: size.map((value) => Math.max(0, value - threshold)),
    changed: size.filter((value) => value > FLOOR).length / size.length,
    threshold,
  };
}

/** Median and interquartile range: where the luma lies and how far it spreads, whatever a few cells do. */
function centre(cells: Float32Array): { median: number; spread: number } {
  const sorted = cells.slice().sort();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return { median: at(0.5), spread: at(0.75) - at(0.25) };
}

function median(values: Float32Array): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
