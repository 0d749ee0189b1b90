import { join } from 'node:path';

/** Longest URI looked at; the longest valid one is well below. */
const MAX_LENGTH = 160;
/** Widths a JPEG may be scaled to, pixels. */
export const MIN_WIDTH = 16;
export const MAX_WIDTH = 8192;

const ROOT = 'opennvr://frames/';
/** The whole grammar: whatever is not spelt exactly so does not name a frame. */
const NAME =
  /^camera_([a-z0-9][a-z0-9_-]{0,62})\/(?:latest|frame_([1-9][0-9]{0,15}))(?:-w([1-9][0-9]{0,3}))?\.(h264|h265|jpg)$/;

/** What a URI names. */
export interface FrameName {
  cameraId: string;
  frame: number | 'latest';
  format: 'h264' | 'h265' | 'jpg';
  /** Pixels a JPEG is scaled down to; 0: full size. */
  width: number;
}

/** A URI that names no frame: malformed, of another scheme, or trying to leave the store. */
export class FrameUriError extends Error {
  override name = 'FrameUriError';
}

/**
 * Reads `opennvr://frames/camera_<id>/(latest|frame_<n>)[-w<width>].(h264|h265|jpg)`.
 * Percent-encoding is not decoded but refused: one frame has one URI.
 *
 * @throws FrameUriError
 */
export function parseFrameUri(uri: string): FrameName {
  if (uri.length > MAX_LENGTH) throw new FrameUriError(`longer than ${MAX_LENGTH} characters`);
  if (!uri.startsWith(ROOT)) throw new FrameUriError(`does not begin with ${ROOT}`);
  const match = NAME.exec(uri.slice(ROOT.length));
  const [whole, cameraId, number, width, format] = match ?? [];
  if (whole === undefined || cameraId === undefined) {
    throw new FrameUriError('is not camera_<id>/frame_<n>.<h264|h265|jpg>, latest, or -w<width> before .jpg');
  }
  const name: FrameName = {
    cameraId,
    frame: number === undefined ? 'latest' : Number(number),
    format: format as FrameName['format'],
    width: Number(width ?? 0),
  };
  if (name.frame !== 'latest' && !Number.isSafeInteger(name.frame)) {
    throw new FrameUriError('frame number is too large');
  }
  if (name.width === 0) return name;
  if (name.format !== 'jpg') throw new FrameUriError('only a .jpg has a width');
  if (name.width < MIN_WIDTH || name.width > MAX_WIDTH) {
    throw new FrameUriError(`width is not within ${MIN_WIDTH} to ${MAX_WIDTH}`);
  }
  return name;
}

/** The inverse of {@link parseFrameUri}. */
export function formatFrameUri(name: FrameName): string {
  return `${ROOT}${cameraFolder(name.cameraId)}/${fileName(name)}`;
}

/** Where a frame is, below the store's folder. Only ever called with a parsed or self-made name. */
export function framePath(storeDir: string, name: FrameName): string {
  return join(storeDir, cameraFolder(name.cameraId), fileName(name));
}

/** A camera's folder in the store. */
export function cameraFolder(cameraId: string): string {
  return `camera_${cameraId}`;
}

/** A frame's file in its camera's folder. */
export function fileName({ frame, format, width }: Omit<FrameName, 'cameraId'>): string {
  return `${frame === 'latest' ? frame : `frame_${frame}`}${width === 0 ? '' : `-w${width}`}.${format}`;
}
