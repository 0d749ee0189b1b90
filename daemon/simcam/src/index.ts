export * from './aac.ts';
export * from './camera.ts';
export * from './clip.ts';
export type { CameraCounts, SimcamReport } from './control.ts';
export { type SimcamCameraSettings, type SimcamSettings, simcamSettings } from './settings.ts';
