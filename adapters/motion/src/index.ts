export * from './adapter.ts';
export * from './detector.ts';
export * from './grid.ts';
