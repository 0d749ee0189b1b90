import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { STATE } from '@opennvr/media';
import type { SimulatedCamera } from '@opennvr/simcam';
import { expect, it } from 'vitest';
import { GstCamera, withoutGst } from '../support/gst.ts';
import { testCamera, testClip } from '../support/media-cameras.ts';
import { cameraMessage, until } from '../support/media-engine.ts';
import { frameNumbers, gaps, probeSegment } from '../support/media-footage.ts';
import { describeEngines } from '../support/media-suite.ts';

const TIMEOUT = 120_000;

describeEngines('recording', (suite) => {
  const recording = ({ recording }: { recording: boolean }) => recording;
  const notRecording = ({ recording }: { recording: boolean }) => !recording;

  /** Numbers of all frames on disk, oldest segment first. */
  async function recorded(id: string, codec: 'h264' | 'h265' = 'h264'): Promise<number[]> {
    const numbers: number[] = [];
    for (const segment of await suite.engine.segments(id))
      numbers.push(...(await frameNumbers(segment, codec)));
    return numbers;
  }

  /** Ends the camera after a whole GOP and expects every frame it ever sent on disk, once and in order. */
  async function expectAll(id: string, camera: SimulatedCamera): Promise<void> {
    await camera.finish();
    await suite.engine.status(id, notRecording);
    const numbers = await recorded(id, camera.clip.spec.codec);
    expect(gaps(numbers)).toEqual([]);
    expect([numbers[0], numbers.at(-1)]).toEqual([0, camera.framesSent - 1]);
  }

  it('loses no frame of a camera while others come, change and go', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const [steady, other] = await Promise.all([testCamera(), testCamera()]);
    suite.after(() => Promise.all([steady.close(), other.close()]));
    await engine.start({ segmentSeconds: 3 });
    const door = cameraMessage('door', steady.url);
    await engine.apply([door]);
    await engine.status('door', recording);
    for (let round = 0; round < 3; round++) {
      await engine.apply([door, cameraMessage('other', other.url, { record: round % 2 === 0 })]);
      await engine.status('other', (s) => s.state === STATE.online);
      await engine.apply([
        door,
        cameraMessage('other', other.url, { record: round % 2 === 1, transport: 2 }),
      ]);
      await engine.apply([door]);
    }
    await until(() => steady.framesSent > 90, 'nine seconds of pictures');
    await expectAll('door', steady);
    expect(steady.sessions.filter((s) => s.framesSent > 0)).toHaveLength(1);
    const segments = await engine.segments('door');
    expect(segments.length).toBeGreaterThanOrEqual(3);
    for (const segment of segments) {
      expect(segment).toMatch(/\/door\/\d{10}-\d{6}\.mp4$/);
      const modes = [segment, dirname(segment)].map((path) => statSync(path).mode & 0o007);
      expect(modes, 'what other users may do with footage').toEqual([0, 0]);
      expect((await probeSegment(segment)).startsWithKeyframe).toBe(true);
    }
  });

  it('records H.265 over UDP with its AAC sound', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const camera = await testCamera({ codec: 'h265', audio: true });
    suite.after(() => camera.close());
    await engine.start();
    await engine.apply([cameraMessage('yard', camera.url, { transport: 2 })]);
    await engine.status('yard', recording);
    await until(() => camera.framesSent > 40, 'four seconds of pictures');
    await expectAll('yard', camera);
    const [segment = ''] = await engine.segments('yard');
    const probe = await probeSegment(segment);
    expect(probe.codecs).toEqual(['hevc', 'aac']);
    // 48 kHz in frames of 1024: 46.875 a second beside 10 pictures.
    expect(probe.audioPackets / probe.videoPackets).toBeGreaterThan(4);
  });

  it.skipIf(withoutGst)(
    `records G.711 sound of a camera that is not ours${withoutGst}`,
    { timeout: TIMEOUT },
    async () => {
      const { engine } = suite;
      const auth = { method: 'digest', username: 'admin', password: 'hush-foreign' } as const;
      const camera = await GstCamera.start({ audio: true, auth });
      suite.after(() => camera.close());
      await engine.start({ segmentSeconds: 2 });
      await engine.apply([
        cameraMessage('foreign', camera.url, { username: 'admin', password: 'hush-foreign' }),
      ]);
      const status = await engine.status('foreign', recording);
      expect(status.tracks).toEqual([
        { codec: 'h264', width: 320, height: 240 },
        { codec: 'pcma', width: 0, height: 0 },
      ]);
      await until(async () => (await engine.segments('foreign')).length >= 3, 'three segments');
      await engine.apply([]);
      const [, whole = ''] = await engine.segments('foreign');
      const probe = await probeSegment(whole);
      expect(probe.codecs[0]).toBe('h264');
      // MediaMTX unpacks G.711 to linear samples, ffmpeg keeps it.
      expect(probe.codecs[1]).toMatch(/^pcm_/);
      expect(probe.audioPackets).toBeGreaterThan(10);
      expect(probe.videoPackets).toBeGreaterThanOrEqual(36);
    },
  );

  it('is switched on and off while the camera plays on', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const camera = await testCamera();
    suite.after(() => camera.close());
    await engine.start();
    const door = cameraMessage('door', camera.url, { record: false });
    await engine.apply([door]);
    await engine.status('door', (s) => s.state === STATE.online && s.tracks.length === 1);
    await until(() => camera.framesSent > 20, 'two seconds of pictures');
    expect(await engine.segments('door')).toEqual([]);
    expect(await engine.apply([{ ...door, record: true }])).toMatchObject({ changed: ['door'] });
    await engine.status('door', recording);
    await engine.apply([{ ...door, record: false }]);
    await engine.status('door', notRecording);
    const [segment = '', ...more] = await engine.segments('door');
    expect(more).toEqual([]);
    const count = (await probeSegment(segment)).videoPackets;
    const sent = camera.framesSent;
    await until(() => camera.framesSent > sent + 20, 'two more seconds');
    expect((await probeSegment(segment)).videoPackets).toBe(count);
    expect(camera.sessions.filter((s) => s.framesSent > 0)).toHaveLength(1);
  });

  it('begins a segment of its own when the resolution changes', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const camera = await testCamera();
    suite.after(() => camera.close());
    await engine.start();
    await engine.apply([cameraMessage('door', camera.url)]);
    await engine.status('door', recording);
    await camera.change(await testClip({ width: 480, height: 270 }));
    await engine.status('door', (s) => s.recording && s.tracks[0]?.width === 480, 60_000);
    await until(() => camera.framesSent > 60, 'some more pictures');
    await camera.finish();
    await engine.status('door', notRecording);
    const sizes = [];
    for (const segment of await engine.segments('door')) sizes.push((await probeSegment(segment)).width);
    expect(sizes).toEqual([320, 480]);
  });

  it('goes on after the engine was killed, from its own file alone', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const camera = await testCamera({
      auth: { username: 'admin', password: 'hush-restart', methods: ['digest-md5'] },
    });
    suite.after(() => camera.close());
    await engine.start();
    await engine.apply([cameraMessage('door', camera.url, { username: 'admin', password: 'hush-restart' })]);
    await engine.status('door', recording);
    await until(() => camera.framesSent > 40, 'four seconds of pictures');
    await engine.stop('SIGKILL');
    for (const pid of engine.leftovers()) process.kill(pid, 'SIGKILL');
    const before = await engine.segments('door');
    await engine.start();
    // Nobody calls ApplyCameras: the set is on disk.
    await engine.status('door', recording, 60_000);
    await until(async () => (await engine.segments('door')).length > before.length, 'a new segment');
    await camera.finish();
    await engine.status('door', notRecording);
    const segments = await engine.segments('door');
    expect(segments.slice(0, before.length)).toEqual(before);
    for (const segment of segments) expect((await probeSegment(segment)).videoPackets).toBeGreaterThan(0);
    // What the kill may cost: the part being written, one second, and what ffmpeg or the page cache never saw.
    const first = await frameNumbers(before.at(-1) ?? '', 'h264');
    expect(gaps(first)).toEqual([]);
    expect(first.at(-1)).toBeGreaterThanOrEqual(20);
  });

  it('goes on after the camera was away', { timeout: TIMEOUT }, async () => {
    const { engine } = suite;
    const camera = await testCamera();
    suite.after(() => camera.close());
    await engine.start();
    await engine.apply([cameraMessage('door', camera.url)]);
    await engine.status('door', recording);
    await camera.flap(1000);
    await engine.status('door', notRecording);
    await engine.status('door', recording, 60_000);
    await camera.finish();
    await engine.status('door', notRecording);
    const segments = await engine.segments('door');
    expect(segments).toHaveLength(2);
    for (const segment of segments) expect(gaps(await frameNumbers(segment, 'h264'))).toEqual([]);
  });
});
