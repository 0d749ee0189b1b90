export { readFrameFile } from './read.ts';
export * from './uri.ts';
