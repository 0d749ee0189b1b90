import { systemClock } from '@opennvr/service';
import { afterEach, describe, expect, it } from 'vitest';
import { answer } from '../src/control.ts';
import { type ClipSpec, type SimulatedCamera, startSimulatedCamera } from '../src/index.ts';
import { clipOf, ffmpeg, readCamera, until, why } from './support.ts';

const running: { close?(): Promise<void>; stop?(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await (one.close?.() ?? one.stop?.());
});

async function setUp() {
  const address = { host: '127.0.0.1', port: 0, path: 'live' };
  const camera = await startSimulatedCamera({
    clip: await clipOf(),
    ...address,
    clock: systemClock,
    random: Math.random,
  });
  const reader = readCamera(camera.url, 'h264');
  running.push(camera, reader);
  await until(() => reader.seen.length >= 5);
  const ask = (message: unknown) =>
    answer(new Map<string, SimulatedCamera>([['a', camera]]), (spec: ClipSpec) => clipOf(spec), message);
  return { camera, reader, ask };
}

describe.skipIf(ffmpeg === undefined)(`a parent process${why}`, () => {
  it('is told counts, and the last ones once every camera has ended', async () => {
    const { camera, ask } = await setUp();
    expect(await ask({ type: 'count' })).toMatchObject({
      type: 'counts',
      cameras: [{ id: 'a', url: camera.url }],
    });
    const finished = await ask({ type: 'finish' });
    expect(finished).toMatchObject({ type: 'finished', cameras: [{ framesSent: camera.framesSent }] });
    expect(camera.framesSent).toBeGreaterThanOrEqual(5);
  });

  it('can make a camera flap, and film in another size', async () => {
    const { camera, reader, ask } = await setUp();
    expect(await ask({ type: 'flap', id: 'a', downMs: 100 })).toMatchObject({ type: 'counts' });
    await until(() => camera.sessions.length === 2);
    expect(await ask({ type: 'resize', id: 'a', width: 320, height: 240 })).toMatchObject({ type: 'counts' });
    await until(() => camera.sessions.length === 3 && reader.states.at(-1) === 'playing');
    expect(camera.clip.spec).toMatchObject({ width: 320, height: 240 });
  });

  it.each([
    ['nonsense', 'what?', /./],
    ['an unknown request', { type: 'explode' }, /type/],
    ['a camera there is not', { type: 'flap', id: 'b', downMs: 1 }, /there is no camera "b"/],
    ['a time out of range', { type: 'flap', id: 'a', downMs: -1 }, /downMs/],
  ])('is refused with a reason: %s', async (_, message, reason) => {
    const { ask } = await setUp();
    expect(await ask(message)).toEqual({ type: 'refused', message: expect.stringMatching(reason) });
  });
});
