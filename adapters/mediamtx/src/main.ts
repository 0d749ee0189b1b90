import { parseArgs } from 'node:util';
import { loadSettings, run, SettingsError } from '@opennvr/service';
import { startAdapter } from './adapter.ts';
import { Settings } from './settings.ts';

await run('opennvr-media-mediamtx', (context) => {
  const { settings: file } = parseArgs({ options: { settings: { type: 'string' } } }).values;
  if (file === undefined) throw new SettingsError('usage: opennvr-media-mediamtx --settings FILE');
  return startAdapter(loadSettings(Settings, { file, envPrefix: 'OPENNVR_MEDIA' }), context);
});
