import { SimulatedClock } from '@opennvr/service';
import { describe, expect, it } from 'vitest';
import { type Clip, DEFAULT_CLIP } from '../src/index.ts';
import { Player } from '../src/player.ts';

const KEY = Buffer.from([0x65, 1, 2, 3]);
const OTHER = Buffer.from([0x41, 1, 2, 3]);
/** Two GOPs of three frames at 30 frames a second, whose due times are no whole milliseconds. */
const clip: Clip = {
  spec: { ...DEFAULT_CLIP, fps: 30, gopFrames: 3, seconds: 8 },
  gops: [
    [[KEY], [OTHER], [OTHER]],
    [[KEY], [OTHER], [OTHER]],
  ],
  parameterSets: {},
  audio: {
    config: Buffer.alloc(2),
    sampleRate: 48_000,
    channels: 1,
    frames: [Buffer.alloc(8), Buffer.alloc(9)],
  },
};

function play() {
  const clock = new SimulatedClock();
  const frames: { frame: number; keyframe: boolean; at: number }[] = [];
  const stamps: { track: string; stamp: number }[] = [];
  let finished = 0;
  const player = new Player(clip, 0, {
    clock,
    random: () => 0,
    send: (track, packet) => stamps.push({ track, stamp: packet.readUInt32BE(4) }),
    onFrame: (frame, keyframe) => frames.push({ frame, keyframe, at: clock.monotonic() }),
    onFinished: () => {
      finished += 1;
    },
  });
  return { clock, frames, stamps, player, finished: () => finished };
}

describe('the player', () => {
  it('does not drift: an hour has exactly its frames, and the timestamps of an hour', () => {
    const { clock, frames, stamps, player } = play();
    player.play();
    // Pictures start 40 ms after the sound; and a little more, as the due time of the last is a sum of fractions.
    clock.advance(3_600_041);
    expect(frames.length).toBe(30 * 3600 + 1);
    const video = stamps.filter(({ track }) => track === 'video').map(({ stamp }) => stamp);
    expect((video.at(-1) ?? 0) - (video[0] ?? 0)).toBe(3600 * 90_000);
    const audio = stamps.filter(({ track }) => track === 'audio');
    expect(audio.length).toBe(Math.floor((3600.04 * 48_000) / 1024) + 1);
  });

  it('lets the sound come first, so that no recorder finds a picture from before its beginning', () => {
    const { clock, stamps, player } = play();
    player.play();
    clock.advance(40);
    expect(stamps.map(({ track }) => track)).toEqual(['audio', 'audio', 'video', 'video']);
    player.pause();
  });

  it('catches up after a short stall and loses the time of a long one, as a camera would', () => {
    const { clock, frames, player } = play();
    const real = clock.monotonic.bind(clock);
    let ahead = 0;
    clock.monotonic = () => real() + ahead;
    player.play();
    clock.advance(41);
    expect(frames.length).toBe(1);
    ahead = 500;
    clock.advance(40);
    const caughtUp = frames.length;
    expect(caughtUp).toBeGreaterThanOrEqual(16);
    ahead = 5000;
    clock.advance(120);
    expect(frames.length).toBeLessThanOrEqual(caughtUp + 4);
    expect(frames.length).toBeGreaterThan(caughtUp);
    player.pause();
  });

  it('finishes after a whole GOP, once, with one frame more that has no number', () => {
    const { clock, frames, stamps, player, finished } = play();
    player.play();
    clock.advance(80);
    player.finish();
    expect(finished()).toBe(0);
    clock.advance(1000);
    expect(frames.map(({ frame }) => frame)).toEqual([0, 1, 2]);
    expect(stamps.filter(({ track }) => track === 'video')).toHaveLength(3 * 2 + 1);
    expect(finished()).toBe(1);
    expect(player.playing).toBe(false);
  });

  it('cuts to a keyframe when told to, and never in the middle of one', () => {
    const { clock, frames, player } = play();
    player.play();
    clock.advance(41);
    player.cut();
    clock.advance(34);
    player.cut();
    player.cut();
    clock.advance(68);
    expect(frames.map(({ keyframe }) => keyframe)).toEqual([true, true, true, false]);
    player.pause();
  });
});
