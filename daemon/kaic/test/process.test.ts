import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KaicServiceClient, Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';
import { dialUnix } from '@opennvr/service';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bundle } from '../../../scripts/bundle.mjs';
import { encode, TestEngine, withoutEncoders } from './camera.ts';
import { TestMedia } from './media.ts';
import { keptScratch, scratch, until } from './support.ts';

const program = join(keptScratch(), 'opennvr-kaic.js');

beforeAll(() => bundle(fileURLToPath(new URL('../src/main.ts', import.meta.url)), program));

function start(settings: string): ChildProcess {
  const child = spawn(process.execPath, [program, '--settings', settings], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

function writeSettings(dir: string, more: object = {}): string {
  const file = join(dir, 'kaic.json');
  const settings = {
    socketPath: join(dir, 'kaic.sock'),
    stateDir: join(dir, 'state'),
    frames: { dir: join(dir, 'frames') },
    mediaSocket: join(dir, 'media.sock'),
    decoderSocket: join(dir, 'decoder.sock'),
    ...more,
  };
  writeFileSync(file, JSON.stringify(settings));
  return file;
}

describe('the kaic process', () => {
  test.skipIf(withoutEncoders !== '')(
    `killed, it goes on by itself when started again${withoutEncoders}`,
    async () => {
      const dir = scratch();
      const engine = new TestEngine();
      const port = await engine.listen();
      const media = new TestMedia();
      media.address = (id) => ({ url: `rtsp://127.0.0.1:${port}/${id}`, username: '', password: '' });
      await media.serve(join(dir, 'media.sock'));
      engine.addCamera('a', 'h264', encode('h264'));
      media.set('a');
      const settings = writeSettings(dir);
      const first = start(settings);
      await until(() => existsSync(join(dir, 'kaic.sock')), 'the socket');
      const client = dialUnix(KaicServiceClient, join(dir, 'kaic.sock'));
      onTestFinished(() => client.close());
      const plan = Plan.fromPartial({ cameras: [{ cameraId: 'a' }] });
      await new Promise<void>((resolve, reject) => {
        client.waitForReady(Date.now() + 10_000, () =>
          client.applyPlan({ plan, updateMask: undefined }, (error) => (error ? reject(error) : resolve())),
        );
      });
      const frames = () => {
        const folder = join(dir, 'frames/camera_a');
        return existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('frame_')) : [];
      };
      await until(() => frames().length >= 3, 'frames');
      const killed = once(first, 'exit');
      first.kill('SIGKILL');
      await killed;
      const left = new Set(frames());

      const second = start(settings);
      const fresh = await until(() => {
        const now = frames();
        return now.length >= 3 && now.every((name) => !left.has(name)) && now;
      }, 'new frames, and the old ones gone');
      expect(fresh.length).toBeGreaterThanOrEqual(3);
      const exited = once(second, 'exit');
      second.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    },
  );

  test.each([
    ['an unknown key', { frame: {} }, /kaic\.json: unknown key "frame"/],
    [
      'a wrong type',
      { frames: { dir: '/tmp/x', capBytes: 'much' } },
      /kaic\.json: "frames\.capBytes": .*number/,
    ],
  ])('%s in the settings: an error that names file, key and type', async (_, more, message) => {
    const child = start(writeSettings(scratch(), more));
    let text = '';
    child.stderr?.on('data', (data) => {
      text += data;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(78);
    expect(JSON.parse(text).msg).toMatch(message);
  });
});
