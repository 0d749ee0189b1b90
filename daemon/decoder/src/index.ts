export { type Codec, plainAccessUnit } from './bitstream/plain.ts';
export * from './errors.ts';
export * from './pool.ts';
export * from './sandbox.ts';
export * from './service.ts';
export * from './settings.ts';
