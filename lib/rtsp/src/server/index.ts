export type { AuthMethod, ServerAuthOptions } from '../auth/server.ts';
export type { ReaderInfo } from './reader.ts';
export { RtspServer, type RtspServerOptions } from './server.ts';
export type { ServedStream, StreamHooks } from './stream.ts';
