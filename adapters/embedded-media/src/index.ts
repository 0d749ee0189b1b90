export { EmbeddedEngine, type EngineOptions } from './engine.ts';
export { type Settings, settingsSchema } from './settings.ts';
