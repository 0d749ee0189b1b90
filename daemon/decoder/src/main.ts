import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { loadSettings, run, serveUnix } from '@opennvr/service';
import { DecoderPool } from './pool.ts';
import { chooseSandbox } from './sandbox.ts';
import { decoderService } from './service.ts';
import { decoderSettings } from './settings.ts';

await run('opennvr-decoder', async ({ log, clock, onStop }) => {
  const { values } = parseArgs({ options: { settings: { type: 'string' } } });
  const settings = loadSettings(decoderSettings, {
    envPrefix: 'OPENNVR_DECODER',
    ...(values.settings === undefined ? {} : { file: values.settings }),
  });
  const sandbox = chooseSandbox(settings);
  const concurrency = settings.concurrency || Math.min(4, availableParallelism());
  const pool = new DecoderPool({ ...settings, concurrency, sandbox, clock, random: Math.random, log });
  onStop(() => pool.close());
  const server = await serveUnix(settings.socketPath, [decoderService(pool)]);
  onStop(() => server.close());
  return `decoding on ${settings.socketPath}, sandbox ${sandbox.description}`;
});
