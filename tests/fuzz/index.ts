export * from './fuzzer.ts';
export * from './mutate.ts';
export * from './outcome.ts';
export * from './target.ts';
