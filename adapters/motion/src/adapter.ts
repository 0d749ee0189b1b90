import { type Adapter, AdapterError, ErrorCategory, FrameEncoding, type Result } from '@opennvr/adapter-sdk';
import { MotionDetector } from './detector.ts';
import { lumaGrid, PictureError } from './grid.ts';

/** Motion as an adapter: boxes labelled "motion", or the classification "scene_change". */
export function motionAdapter(): Adapter {
  const detector = new MotionDetector();
  return {
    describe: () => ({
      name: 'motion',
      version: '0.1.0',
      vendor: 'OpenNVR',
      license: 'Apache-2.0',
      model: { name: 'double-difference', version: '1', fingerprint: '' },
      tasks: ['motion'],
      labels: ['motion', 'scene_change'],
      input: { encodings: [FrameEncoding.FRAME_ENCODING_JPEG], maxWidth: 320 },
      limits: { maxInFlight: 1 },
    }),
    infer({ cameraId, captureTime, encoding, frame }): Result {
      if (encoding !== FrameEncoding.FRAME_ENCODING_JPEG) {
        const category = ErrorCategory.ERROR_CATEGORY_NOT_SUPPORTED;
        throw new AdapterError('encoding', 'this adapter looks at JPEG frames', { category });
      }
      const at = (captureTime?.seconds ?? 0) * 1000 + (captureTime?.nanos ?? 0) / 1e6;
      const motion = detector.look(cameraId, at, gridOf(frame));
      if (motion.kind === 'unknown') return {};
      if (motion.kind === 'scene_change') {
        return { classifications: [{ label: 'scene_change', confidence: motion.share }] };
      }
      return {
        detections: motion.boxes.map(({ confidence, ...box }) => ({ label: 'motion', confidence, box })),
      };
    },
  };
}

function gridOf(frame: Buffer) {
  try {
    return lumaGrid(frame);
  } catch (error) {
    if (error instanceof PictureError) throw new AdapterError('undecodable', error.message, { cause: error });
    throw error;
  }
}
