import { parseArgs } from 'node:util';
import { loadSettings, run, SettingsError } from '@opennvr/service';
import { type SimulatedCamera, startSimulatedCamera } from './camera.ts';
import { type Clip, type ClipSpec, loadClip } from './clip.ts';
import { answer, countsOf, type SimcamReport } from './control.ts';
import { simcamSettings } from './settings.ts';

await run('opennvr-simcam', async ({ clock, log, onStop }) => {
  const { values } = parseArgs({ options: { settings: { type: 'string' } } });
  if (values.settings === undefined) throw new SettingsError('usage: opennvr-simcam --settings FILE');
  const settings = loadSettings(simcamSettings, { file: values.settings });
  const { ffmpeg, cacheDir, host } = settings;
  const loaded = new Map<string, Promise<Clip>>();
  const load = (spec: ClipSpec) => {
    const key = JSON.stringify(spec);
    const clip = loaded.get(key) ?? loadClip(spec, { ffmpeg, cacheDir });
    loaded.set(key, clip);
    return clip;
  };
  const cameras = new Map<string, SimulatedCamera>();
  onStop(async () => {
    await Promise.all([...cameras.values()].map((camera) => camera.close()));
  });
  for (const { id, port, path, auth, transport, ...picture } of settings.cameras) {
    if (cameras.has(id)) throw new SettingsError(`${values.settings}: camera "${id}" is there twice`);
    const clip = await load({ seconds: 8, ...picture });
    const address = { host, port, path, auth, transport };
    const camera = await startSimulatedCamera({ clip, ...address, clock, random: Math.random });
    cameras.set(id, camera);
    log.info({ camera: id, url: camera.url }, 'camera is up');
  }
  const report = (message: SimcamReport) => {
    if (process.connected) process.send?.(message);
  };
  process.on('message', async (message) => report(await answer(cameras, load, message)));
  report({ type: 'ready', cameras: countsOf(cameras) });
  return `${cameras.size} cameras`;
});
