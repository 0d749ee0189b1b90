import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Cli, countPackets, decodingProblems, isAlive, mediamtxMissing, missing, until } from './cli.ts';

const running: Cli[] = [];
afterEach(async () => {
  for (const cli of running.splice(0)) {
    cli.kill('SIGTERM');
    await cli.exited();
    rmSync(cli.folder, { recursive: true, force: true });
  }
});

function start(args: string[]): Cli {
  const cli = new Cli(args);
  running.push(cli);
  return cli;
}

async function killAndAwaitRestart(cli: Cli, name: string): Promise<void> {
  const pid = cli.program(name);
  if (pid === undefined) throw new Error(`${name} does not run:\n${cli.output}`);
  process.kill(pid, 'SIGKILL');
  await until(() => ![undefined, pid].includes(cli.program(name)));
}

describe.each([
  { engine: 'mediamtx', version: /^\d+\.\d+\.\d+/, skip: missing || mediamtxMissing },
  { engine: 'embedded', version: /./, skip: missing },
])('the demo on $engine$skip', ({ engine, version, skip }) => {
  it.skipIf(skip !== '')(
    `loses nothing, though kaic, the adapter and the decoder are killed${skip}`,
    { timeout: 120_000 },
    async () => {
      const args = ['--for', '12s', '--report', 'report.json', '--recordings', 'footage', '--engine', engine];
      const cli = start(['demo', ...args]);
      await until(() => cli.output.includes('sim1 recording') && cli.runDirectory !== '');
      const { runDirectory } = cli;
      const kaic = join(runDirectory, 'kaic', 'kaic.sock');

      for (const format of ['jpg', 'h264']) {
        const get = start([
          'frames',
          'get',
          `opennvr://frames/camera_sim1/latest.${format}`,
          '-o',
          'f',
          '--kaic',
          kaic,
        ]);
        expect({ status: await get.exited(), output: get.output }).toMatchObject({ status: 0 });
        const frame = readFileSync(join(get.folder, 'f')).toString('hex');
        expect(frame.startsWith(format === 'jpg' ? 'ffd8' : '00000001')).toBe(true);
      }

      await killAndAwaitRestart(cli, 'opennvr-kaic');
      await killAndAwaitRestart(cli, 'opennvr-adapter-motion');
      await killAndAwaitRestart(cli, 'opennvr-decoder');
      const everything = cli.descendants();
      const status = await cli.exited();
      expect({ status, output: cli.output }).toMatchObject({ status: 0 });

      const report = cli.report();
      expect(report.engine).toEqual({ name: engine, version: expect.stringMatching(version) });
      expect(report.cameras).toMatchObject([
        { id: 'sim1', codec: 'h264', transport: 'tcp' },
        { id: 'sim2', codec: 'h265', transport: 'udp' },
      ]);
      for (const camera of report.cameras) {
        expect(camera.framesSent).toBeGreaterThanOrEqual(250);
        expect(camera).toMatchObject({ framesRecorded: camera.framesSent, framesLost: 0 });
        expect(camera.keyframesStored).toBeGreaterThanOrEqual(5);
        expect(camera.lastUri).toMatch(
          new RegExp(`^opennvr://frames/camera_${camera.id}/frame_\\d+\\.${camera.codec}$`),
        );
        // Counted a second way. An engine may also have written the one picture after the last that bears a number.
        const packets = countPackets(join(cli.folder, 'footage', camera.id));
        expect([0, 1]).toContain(packets - camera.framesRecorded);
        expect(decodingProblems(join(cli.folder, 'footage', camera.id))).toBe('');
      }
      expect(report.adapters).toMatchObject([{ name: 'motion' }]);
      expect(report.adapters[0]?.results).toBeGreaterThanOrEqual(10);
      expect(report.frameStore.bytes).toBeGreaterThan(0);
      expect(report.frameStore.bytes).toBeLessThan(report.frameStore.capBytes);
      for (const name of ['opennvr-kaic', 'opennvr-adapter-motion', 'opennvr-decoder']) {
        expect(report.errors.join('\n')).toContain(`${name} was ended by SIGKILL; restarted`);
      }
      expect(everything.filter(isAlive)).toEqual([]);
    },
  );
});
