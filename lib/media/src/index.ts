export * from './board.ts';
export * from './cameras.ts';
export * from './core.ts';
export * from './leases.ts';
export * from './offer.ts';
export * from './store.ts';
export * from './types.ts';
