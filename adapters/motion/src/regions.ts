/** A connected group of cells; columns and rows are inclusive. */
export interface Region {
  left: number;
  top: number;
  right: number;
  bottom: number;
  cells: number;
  /** Sum of the cells' weights. */
  weight: number;
}

/** Groups cells of positive weight that touch, corners included; those with fewer than `minCells` are left out. */
export function regions(weights: Float32Array, columns: number, rows: number, minCells: number): Region[] {
  const seen = new Uint8Array(weights.length);
  const found: Region[] = [];
  const stack: number[] = [];
  for (let first = 0; first < weights.length; first++) {
    if (seen[first] === 1 || (weights[first] ?? 0) <= 0) continue;
    const region: Region = { left: columns, top: rows, right: 0, bottom: 0, cells: 0, weight: 0 };
    seen[first] = 1;
    stack.push(first);
    for (let cell = stack.pop(); cell !== undefined; cell = stack.pop()) {
      const column = cell % columns;
      const row = Math.floor(cell / columns);
      region.left = Math.min(region.left, column);
      region.right = Math.max(region.right, column);
      region.top = Math.min(region.top, row);
      region.bottom = Math.max(region.bottom, row);
      region.cells++;
      region.weight += weights[cell] ?? 0;
      for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
        for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) {
          const next = y * columns + x;
          if (seen[next] === 1 || (weights[next] ?? 0) <= 0) continue;
          seen[next] = 1;
          stack.push(next);
        }
      }
    }
    if (region.cells >= minCells) found.push(region);
  }
  return found;
}
