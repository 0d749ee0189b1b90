import { decode } from 'jpeg-js';

/** Mean luma, 0 to 255, of a picture's cells, row by row. */
export interface LumaGrid {
  columns: number;
  rows: number;
  cells: Float32Array;
  /** Cells per picture, a fraction where the last column or row is cut: what makes boxes exact. */
  width: number;
  height: number;
}

/** Pixels along one side of a cell: small enough for a cat at ten metres, large enough to average noise away. */
const CELL = 4;

/** A picture that cannot be looked at. */
export class PictureError extends Error {
  override name = 'PictureError';
}

/**
 * Decodes a JPEG and averages its luma over cells of 4 × 4 pixels.
 *
 * @throws PictureError for bytes that are no JPEG, or for one of over 2 megapixels.
 */
export function lumaGrid(jpeg: Uint8Array): LumaGrid {
  const { width, height, data } = decodeYcc(jpeg);
  const columns = Math.ceil(width / CELL);
  const rows = Math.ceil(height / CELL);
  const sums = new Float32Array(columns * rows);
  const counts = new Uint8Array(columns * rows);
  const channels = data.length / (width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / CELL) * columns;
    for (let x = 0; x < width; x++) {
      const cell = row + Math.floor(x / CELL);
      sums[cell] = (sums[cell] ?? 0) + (data[(y * width + x) * channels] ?? 0);
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
  }
  const cells = sums.map((sum, index) => sum / (counts[index] ?? 1));
  return { columns, rows, cells, width: width / CELL, height: height / CELL };
}

/** Interleaved Y, Cb, Cr (or Y alone): the luma is there as it was sent, no colours are worked out. */
function decodeYcc(jpeg: Uint8Array): { width: number; height: number; data: Uint8Array } {
  try {
    return decode(jpeg, {
      useTArray: true,
      formatAsRGBA: false,
      colorTransform: false,
      tolerantDecoding: false,
      maxResolutionInMP: 2,
      maxMemoryUsageInMB: 64,
    });
  } catch (error) {
    throw new PictureError(`no picture: ${(error as Error).message}`, { cause: error });
  }
}
