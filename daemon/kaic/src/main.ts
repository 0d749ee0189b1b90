import { parseArgs } from 'node:util';
import { loadSettings, run } from '@opennvr/service';
import { AdapterEngine, DecoderClient } from './inference/index.ts';
import { startKaic } from './kaic.ts';
import { settingsSchema } from './settings.ts';

await run('opennvr-kaic', async ({ log, clock, onStop }) => {
  const { values } = parseArgs({ options: { settings: { type: 'string' } } });
  const settings = loadSettings(settingsSchema, {
    envPrefix: 'OPENNVR_KAIC',
    ...(values.settings === undefined ? {} : { file: values.settings }),
  });
  const random = Math.random;
  const kaic = await startKaic(settings, {
    clock,
    log,
    random,
    decoder: new DecoderClient(settings.decoderSocket),
    engine: (frames) => new AdapterEngine({ clock, log, random, ...frames }),
  });
  onStop(() => kaic.close());
  return `serving on ${settings.socketPath}, frames in ${settings.frames.dir}, ${kaic.cameras} cameras resumed`;
});
