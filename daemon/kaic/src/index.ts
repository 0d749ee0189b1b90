export { FrameStore } from './frames/store.ts';
export { AdapterEngine } from './inference/index.ts';
export { type KaicSettings, settingsSchema } from './settings.ts';
export type { AssignmentPlan, Detection, FrameViews, StoredFrame } from './types.ts';
