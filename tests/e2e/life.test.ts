import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '@opennvr/service';
import { afterEach, describe, expect, it } from 'vitest';
import { GstCamera, withoutGst } from '../support/gst.ts';
import { Cli, countPackets, isAlive, makeFolder, missing, until } from './cli.ts';

const running: Cli[] = [];
afterEach(async () => {
  for (const cli of running.splice(0)) {
    cli.kill('SIGTERM');
    await cli.exited();
    rmSync(cli.folder, { recursive: true, force: true });
  }
});

function start(args: string[], options: ConstructorParameters<typeof Cli>[1] = {}): Cli {
  const cli = new Cli(args, options);
  running.push(cli);
  return cli;
}

/** Runs it to its end. */
async function run(args: string[], options: ConstructorParameters<typeof Cli>[1] = {}) {
  const cli = start(args, options);
  return { status: await cli.exited(), output: cli.output };
}

describe.skipIf(missing !== '')(`opennvr${missing}`, () => {
  it('helps, and tells wrong usage by its exit status', async () => {
    expect(await run(['help'])).toMatchObject({ status: 0, output: expect.stringContaining('opennvr demo') });
    expect(await run(['version'])).toMatchObject({
      status: 0,
      output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
    expect(await run([])).toMatchObject({ status: 2 });
    expect(await run(['demo', '--for', 'ever'])).toMatchObject({
      status: 2,
      output: expect.stringContaining('--for'),
    });
    expect(await run(['frames', 'put'])).toMatchObject({ status: 2 });
    expect(await run(['demo', '--report', '/nonexistent/report.json'])).toMatchObject({
      status: 2,
      output: expect.stringContaining('/nonexistent/report.json'),
    });
  });

  it('says what is missing', async () => {
    const env = {
      PATH: '/nonexistent',
      MEDIAMTX_BIN: '',
      FFMPEG_BIN: findProgram('ffmpeg', 'FFMPEG_BIN') ?? '',
    };
    expect(await run(['demo', '--engine', 'mediamtx'], { env })).toMatchObject({
      status: 3,
      output: expect.stringContaining('MediaMTX was not found'),
    });
    expect(await run(['demo'], { env: { FFMPEG_BIN: '/nonexistent' } })).toMatchObject({
      status: 3,
      output: expect.stringContaining('FFMPEG_BIN'),
    });
    const nobody = ['--kaic', '/nonexistent/kaic.sock'];
    expect(
      await run(['frames', 'get', 'opennvr://frames/camera_a/latest.jpg', '-o', 'f', ...nobody]),
    ).toMatchObject({
      status: 3,
      output: expect.stringContaining('/nonexistent/kaic.sock'),
    });
  });

  it('ends early on Ctrl-C, with everything written, reported and tidied up', {
    timeout: 90_000,
  }, async () => {
    const cli = start(['demo', '--report', 'report.json', '--engine', 'embedded']);
    await until(() => /results [1-9].*results [1-9]/.test(cli.output));
    const { runDirectory } = cli;
    const kaic = ['--kaic', join(runDirectory, 'kaic', 'kaic.sock')];
    const gone = await run([
      'frames',
      'get',
      'opennvr://frames/camera_sim1/frame_1.h264',
      '-o',
      'f',
      ...kaic,
    ]);
    expect(gone).toMatchObject({ status: 4 });
    expect(
      await run(['frames', 'get', 'opennvr://frames/../../etc/passwd', '-o', 'f', ...kaic]),
    ).toMatchObject({
      status: 2,
    });
    const everything = cli.descendants();
    expect(everything.length).toBeGreaterThanOrEqual(5);
    cli.kill('SIGINT');
    expect({ status: await cli.exited(), output: cli.output }).toMatchObject({ status: 0 });
    expect(cli.report().cameras.map(({ framesLost }) => framesLost)).toEqual([0, 0]);
    expect(everything.filter(isAlive)).toEqual([]);
    expect(existsSync(runDirectory)).toBe(false);
  });

  it('leaves no process behind when it is killed itself', { timeout: 90_000 }, async () => {
    const engine = findProgram('mediamtx', 'MEDIAMTX_BIN') ? 'mediamtx' : 'embedded';
    const cli = start(['demo', '--engine', engine]);
    await until(() => cli.output.includes('sim1 recording'));
    const { runDirectory } = cli;
    const everything = cli.descendants();
    cli.kill('SIGKILL');
    await until(() => !everything.some(isAlive));
    rmSync(runDirectory, { recursive: true, force: true });
  });

  it('fails, and says which camera, when one cannot be read', { timeout: 90_000 }, async () => {
    const cli = start([
      ...['demo', '--for', '4s', '--engine', 'embedded', '--cameras', '1', '--report', 'report.json'],
      ...['--camera', 'rtsp://127.0.0.1:9/nothing'],
    ]);
    expect(await cli.exited()).toBe(1);
    expect(cli.output).toMatch(/Failed: Camera cam1 was not recorded/);
    expect(cli.report().cameras).toMatchObject([
      { id: 'sim1', framesLost: 0 },
      { id: 'cam1', framesRecorded: 0 },
    ]);
    expect(cli.report().errors.join('\n')).toContain('camera cam1:');
  });

  it.skipIf(withoutGst !== '')(
    `records a camera that is not ours, with its password from a file${withoutGst}`,
    { timeout: 90_000 },
    async () => {
      const login = { username: 'operator', password: 'Planted-Secret-9' };
      const camera = await GstCamera.start({ codec: 'h264', auth: { method: 'digest', ...login } });
      const folder = makeFolder();
      writeFileSync(join(folder, 'logins.json'), JSON.stringify({ '127.0.0.1': login }), { mode: 0o600 });
      const cli = start(
        [
          ...['demo', '--for', '8s', '--report', 'report.json', '--recordings', 'footage'],
          ...['--camera', camera.url, '--credentials', 'logins.json'],
        ],
        { folder },
      );
      const status = await cli.exited();
      await camera.close();
      expect({ status, output: cli.output }).toMatchObject({ status: 0 });
      const [reported] = cli.report().cameras;
      expect(reported).toMatchObject({
        id: 'cam1',
        codec: 'h264',
        transport: 'auto',
        framesSent: null,
        framesLost: null,
      });
      expect(reported?.framesRecorded).toBeGreaterThan(60);
      expect(countPackets(join(folder, 'footage', 'cam1'))).toBe(reported?.framesRecorded);
      expect(cli.output).not.toContain(login.password);
    },
  );
});
