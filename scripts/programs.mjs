// Every program of ours: bundle name → entry point.
export const programs = {
  opennvr: 'daemon/cli/src/main.ts',
  'opennvr-kaic': 'daemon/kaic/src/main.ts',
  'opennvr-decoder': 'daemon/decoder/src/main.ts',
  'opennvr-simcam': 'daemon/simcam/src/main.ts',
  'opennvr-media-mediamtx': 'adapters/mediamtx/src/main.ts',
  'opennvr-media-embedded': 'adapters/embedded-media/src/main.ts',
  'opennvr-adapter-motion': 'adapters/motion/src/main.ts',
  'opennvr-adapter-chaos': 'adapters/chaos/src/main.ts',
};
