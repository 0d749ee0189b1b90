import { parseArgs } from 'node:util';
import { run, SettingsError } from '@opennvr/service';
import type { Adapter } from './adapter.ts';
import { serveAdapter } from './serve.ts';

/**
 * The whole of an adapter program: `--socket PATH`, serve, tell the service manager, finish running calls on
 * SIGTERM, stop.
 */
export function runAdapter(name: string, adapter: Adapter, args = process.argv.slice(2)): Promise<void> {
  return run(name, async ({ log, onStop }) => {
    const socketPath = socketFrom(args);
    const server = await serveAdapter(adapter, { socketPath, log });
    onStop(() => server.close(STOP_GRACE_MS));
    return `serving ${name} on ${socketPath}`;
  });
}

/** As long as kaic's default deadline: what is running may finish. */
const STOP_GRACE_MS = 5000;

function socketFrom(args: string[]): string {
  let socket: string | undefined;
  try {
    ({ socket } = parseArgs({ args, options: { socket: { type: 'string' } } }).values);
  } catch (error) {
    throw new SettingsError((error as Error).message);
  }
  if (socket === undefined)
    throw new SettingsError('--socket: expected the path of the unix socket to serve');
  return socket;
}
