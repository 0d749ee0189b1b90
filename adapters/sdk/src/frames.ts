import { FrameUriError, framePath, parseFrameUri, readFrameFile } from '@opennvr/frames';
import { ErrorCategory } from '@opennvr/proto/opennvr/inference/v1/inference';
import { AdapterError } from './adapter.ts';

/**
 * The bytes of a frame delivered by URI, out of the adapter's read-only view. Nothing outside of it is ever opened, and
 * no symbolic link is followed.
 *
 * @throws AdapterError
 */
export function readGrantedFrame(uri: string, framesDir: string | undefined): Buffer {
  if (framesDir === undefined) {
    const category = ErrorCategory.ERROR_CATEGORY_NOT_SUPPORTED;
    throw new AdapterError('no_view', 'frames come by URI, and --frames names no view', { category });
  }
  try {
    const frame = readFrameFile(framePath(framesDir, parseFrameUri(uri)));
    if (frame) return frame;
  } catch (error) {
    if (!(error instanceof FrameUriError)) throw error;
    throw new AdapterError('invalid_request', `frame_uri: ${error.message}`, { cause: error });
  }
  throw new AdapterError('frame_gone', 'frame_uri: the view has no such frame (any more)', {
    transient: true,
  });
}
