export * from './clock.ts';
export * from './grpc.ts';
export * from './log.ts';
export * from './notify.ts';
export * from './programs.ts';
export * from './run.ts';
export * from './settings.ts';
export * from './unix-socket.ts';
