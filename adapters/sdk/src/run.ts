import { parseArgs } from 'node:util';
import { run, SettingsError } from '@opennvr/service';
import type { Adapter } from './adapter.ts';
import { serveAdapter } from './serve.ts';

/**
 * The whole of an adapter program: `--socket PATH [--frames DIR]`, serve, tell the service manager, finish running
 * calls on SIGTERM, stop. `--frames` is the adapter's view of the frame store, for frames delivered by URI.
 */
export function runAdapter(name: string, adapter: Adapter, args = process.argv.slice(2)): Promise<void> {
  return run(name, async ({ log, onStop }) => {
    const { socketPath, framesDir } = optionsFrom(args);
    const server = await serveAdapter(adapter, { socketPath, framesDir, log });
    onStop(() => server.close(STOP_GRACE_MS));
    return `serving ${name} on ${socketPath}`;
  });
}

/** As long as kaic's default deadline: what is running may finish. */
const STOP_GRACE_MS = 5000;

function optionsFrom(args: string[]): { socketPath: string; framesDir: string | undefined } {
  let values: { socket?: string; frames?: string };
  try {
    ({ values } = parseArgs({ args, options: { socket: { type: 'string' }, frames: { type: 'string' } } }));
  } catch (error) {
    throw new SettingsError((error as Error).message);
  }
  if (values.socket === undefined)
    throw new SettingsError('--socket: expected the path of the unix socket to serve');
  return { socketPath: values.socket, framesDir: values.frames };
}
