export * from './bitstream/index.ts';
export * from './client/index.ts';
export * from './rtp/index.ts';
export * from './sdp/index.ts';
export * from './server/index.ts';
export * from './types.ts';
