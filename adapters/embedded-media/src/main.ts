import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { cameraFile, MediaCore, StatusBoard } from '@opennvr/media';
import { findProgram, loadSettings, run, SettingsError, serveUnix } from '@opennvr/service';
import { EmbeddedEngine } from './engine.ts';
import { mediaService } from './service.ts';
import { settingsSchema } from './settings.ts';

const VERSION = '0.1.0';
const NAME = 'opennvr-media-embedded';

await run(NAME, async ({ clock, log, onStop }) => {
  const { values } = parseArgs({ options: { settings: { type: 'string' } } });
  if (values.settings === undefined) throw new SettingsError(`usage: ${NAME} --settings FILE`);
  const settings = loadSettings(settingsSchema, { file: values.settings, envPrefix: 'OPENNVR_MEDIA' });
  const ffmpeg = settings.ffmpeg ?? findProgram('ffmpeg', 'FFMPEG_BIN') ?? 'ffmpeg';
  await checkFfmpeg(ffmpeg, values.settings);
  await mkdir(settings.stateDir, { recursive: true, mode: 0o700 });
  log.info(
    { version: VERSION },
    'this is the embedded media engine: for laptops, demos and tests, not for an appliance',
  );

  const board = new StatusBoard(clock);
  const engine = new EmbeddedEngine({
    settings,
    ffmpeg,
    clock,
    log,
    board,
    random: Math.random,
    reader: { username: 'reader', password: randomBytes(24).toString('base64url') },
  });
  await engine.listen();
  onStop(() => engine.close());
  const core = new MediaCore({
    clock,
    board,
    engine,
    store: cameraFile(join(settings.stateDir, 'cameras.json')),
    newId: () => randomBytes(16).toString('hex'),
    onError: (error, doing) => log.warn({ err: error }, doing),
  });
  const cameras = await core.restore();
  const server = await serveUnix(settings.socketPath, [
    mediaService(core, () => ({ name: 'embedded', version: VERSION, listeners: engine.listeners })),
  ]);
  onStop(async () => {
    core.close();
    await server.close();
  });
  return `embedded media engine: ${cameras} cameras restored, ${engine.listeners.join(', ')}`;
});

async function checkFfmpeg(ffmpeg: string, file: string): Promise<void> {
  try {
    await promisify(execFile)(ffmpeg, ['-version']);
  } catch (error) {
    throw new SettingsError(
      `${file}: "ffmpeg": cannot run ${ffmpeg}: ${(error as Error).message.split('\n')[0]}`,
    );
  }
}
