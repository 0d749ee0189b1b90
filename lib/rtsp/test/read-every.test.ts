import { expect, onTestFinished, test } from 'vitest';
import { Clips, withoutEncoders } from './media.ts';
import { TestCamera } from './support/camera.ts';
import { realClock, until } from './support/clock.ts';
import { inSequence, Recorder } from './support/recorder.ts';

test.skipIf(withoutEncoders !== '')(
  `a source that rests gets everything afterwards${withoutEncoders}`,
  async () => {
    const clips = new Clips();
    onTestFinished(() => clips.remove());
    const camera = new TestCamera({ clip: clips.encode('h264') });
    onTestFinished(() => camera.close());
    const recorder = new Recorder({ url: `rtsp://127.0.0.1:${await camera.listen()}/cam`, transport: 'tcp' });
    onTestFinished(() => recorder.source.stop());
    await until(() => recorder.units.length > 5, 'frames');

    // The read under way still comes; the next one would be in an hour.
    recorder.source.readEvery(3_600_000);
    const { packets } = recorder;
    await until(() => recorder.packets > packets, 'one more read');
    const [before, sent] = [recorder.packets, camera.sent];
    await until(() => camera.sent > sent + 20, 'twenty frames sent');
    expect(recorder.packets).toBe(before);

    recorder.source.readEvery(0);
    await until(() => recorder.units.length > sent + 20, 'all of them');
    expect(inSequence(recorder.numbers)).toBe(true);

    let reads = 0;
    let last = 0;
    recorder.source.readEvery(200);
    const end = recorder.units.length + 40;
    await until(() => {
      if (recorder.packets !== last) reads++;
      last = recorder.packets;
      return recorder.units.length >= end;
    }, 'forty frames more');
    // A second of video in gulps of 200 ms, not one read a frame.
    expect(reads).toBeLessThan(30);
    expect(inSequence(recorder.numbers)).toBe(true);
  },
);

test('resting without a session is harmless', () => {
  const recorder = new Recorder({ url: 'rtsp://127.0.0.1:1/', clock: realClock });
  onTestFinished(() => recorder.source.stop());
  recorder.source.readEvery(100);
  recorder.source.readEvery(0);
});
