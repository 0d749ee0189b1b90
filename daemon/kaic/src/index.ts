export { AdapterEngine } from './inference/index.ts';
export { type KaicSettings, settingsSchema } from './settings.ts';
export type { Detection, StoredFrame } from './types.ts';
