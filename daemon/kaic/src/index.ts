export { type KaicSettings, settingsSchema } from './settings.ts';
