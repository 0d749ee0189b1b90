import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readFrameNumber, splitAnnexB, type VideoCodec } from '../src/index.ts';
import { type Clip, Clips, FFMPEG, FFPROBE, withoutEncoders, withoutProbe } from './media.ts';
import { accessUnits, TestCamera } from './support/camera.ts';
import { inSequence } from './support/recorder.ts';

/** Runs a program to its end; resolves with its output, whatever its exit status. */
function output(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        text += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', () => resolve(text));
  });
}

describe.skipIf(withoutEncoders !== '')(`ffmpeg plays our server${withoutEncoders}`, () => {
  const clips = new Clips();
  const cameras: TestCamera[] = [];
  let made: Record<VideoCodec, Clip>;

  beforeAll(() => {
    // As fast as the camera sends, so that ffmpeg's time stamps agree with each other.
    made = { h264: clips.encode('h264', { rate: 40 }), h265: clips.encode('h265', { rate: 40 }) };
  });
  afterEach(async () => {
    for (const camera of cameras.splice(0)) await camera.close();
  });
  afterAll(() => clips.remove());

  async function serve(options: ConstructorParameters<typeof TestCamera>[0]): Promise<string> {
    const camera = new TestCamera(options);
    cameras.push(camera);
    return `127.0.0.1:${await camera.listen()}/cam`;
  }

  for (const codec of ['h264', 'h265'] as const) {
    for (const transport of ['tcp', 'udp'] as const) {
      it(`${codec} by ${transport}: every frame arrives`, async () => {
        const address = await serve({ clip: made[codec] });
        const file = join(clips.folder, `${transport}.${codec}`);
        const input = ['-rtsp_transport', transport, '-i', `rtsp://${address}`];
        const copy = ['-frames:v', '60', '-c', 'copy', '-f', codec === 'h264' ? 'h264' : 'hevc'];
        const said = await output(FFMPEG, ['-loglevel', 'error', '-y', ...input, ...copy, file]);
        const units = accessUnits({ codec, path: file, nalUnits: splitAnnexB(readFileSync(file)) });
        const numbers = units.map((unit) => readFrameNumber(codec, unit));
        expect(said, 'nothing to complain about').toBe('');
        expect(numbers.length).toBeGreaterThanOrEqual(59);
        expect(inSequence(numbers), numbers.join()).toBe(true);
      });
    }
  }

  it.skipIf(withoutProbe !== '')(`ffprobe logs in with each method${withoutProbe}`, async () => {
    const credentials = { username: 'operator', password: 'secret' };
    for (const methods of [['basic'], ['digest-md5'], ['digest-sha256', 'digest-md5', 'basic']] as const) {
      const address = await serve({ clip: made.h264, auth: { ...credentials, realm: 'camera', methods } });
      const probe = (userInfo: string) =>
        output(FFPROBE, [
          '-v',
          'error',
          '-show_entries',
          'stream=codec_name',
          `rtsp://${userInfo}@${address}`,
        ]);
      expect(await probe('operator:secret'), methods.join()).toContain('codec_name=h264');
      expect(await probe('operator:guess'), methods.join()).toContain('401');
    }
  });
});
