export type { InferRequest } from '@opennvr/proto/opennvr/inference/v1/inference';
export { ErrorCategory, FrameDelivery, FrameEncoding } from '@opennvr/proto/opennvr/inference/v1/inference';
export * from './adapter.ts';
export * from './run.ts';
export * from './serve.ts';
