import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createLogger, systemClock } from '@opennvr/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Block, Format } from '../src/recorder/format.ts';
import { Recorder } from '../src/recorder/recorder.ts';
import { decodeAll, ffmpeg, makeClip, missing, type Probe, probe } from './clip.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'opennvr-recorder-'));
});
afterEach(() => rm(folder, { recursive: true }));

function record(format: Format, segmentSeconds = 60, backlogBytes?: number) {
  const recording: boolean[] = [];
  const recorder = new Recorder({
    clock: systemClock,
    log: createLogger('test', { level: 'silent' }),
    ffmpeg,
    folder,
    format,
    segmentSeconds,
    partMs: 1000,
    ...(backlogBytes === undefined ? {} : { backlogBytes }),
    onRecording: (on) => {
      if (recording.at(-1) !== on) recording.push(on);
    },
  });
  return { recorder, recording };
}

async function segments(): Promise<{ name: string; probe: Probe }[]> {
  const names = (await readdir(folder)).sort();
  return names.map((name) => ({ name, probe: probe(join(folder, name)) }));
}

const videoTimes = ({ packets }: Probe) =>
  packets.filter((p) => p.codec_type === 'video').map((p) => Number(p.pts_time));

describe.skipIf(missing)(`Recorder${missing}`, () => {
  it.each(['h264', 'h265'] as const)(
    'cuts %s at keyframes into segments that play by themselves',
    async (codec) => {
      const { format, blocks } = makeClip({ codec, seconds: 7, fps: 10, gop: 15 });
      const { recorder, recording } = record(format, 3);
      for (const block of blocks) recorder.write(block);
      await recorder.finish();
      const found = await segments();
      // 70 frames, keyframes each 1.5 s: segments begin at 0, 3 and 6 s.
      expect(found.map(({ name }) => name)).toEqual([
        '1700000000-000000.mp4',
        '1700000003-000000.mp4',
        '1700000006-000000.mp4',
      ]);
      expect(found.map((s) => videoTimes(s.probe).length)).toEqual([30, 30, 10]);
      for (const segment of found) {
        expect(videoTimes(segment.probe)[0]).toBe(0);
        expect(segment.probe.packets[0]?.flags).toContain('K');
        decodeAll(join(folder, segment.name));
      }
      expect(recording).toEqual([true, false]);
    },
  );

  it.each(['aac', 'pcma', 'pcmu'] as const)('records %s beside the video, in step with it', async (audio) => {
    const { format, blocks } = makeClip({ seconds: 4, audio });
    const { recorder } = record(format, 2);
    // Sound that begins 0.4 s late has to stay 0.4 s late.
    for (const block of blocks) if (block.track === 'video' || block.time >= 40_000) recorder.write(block);
    await recorder.finish();
    const found = await segments();
    expect(found).toHaveLength(2);
    const name = { aac: 'aac', pcma: 'pcm_alaw', pcmu: 'pcm_mulaw' }[audio];
    for (const segment of found) {
      expect(segment.probe.streams.map((s) => s.codec_name)).toEqual(['h264', name]);
      decodeAll(join(folder, segment.name));
    }
    const sound = found[0]?.probe.packets.filter((p) => p.codec_type === 'audio') ?? [];
    // ffmpeg stretches the very first sound to the beginning of the file; from the second on all are in place.
    const second = (blocks.filter((b) => b.track === 'audio' && b.time >= 40_000)[1]?.time ?? 0) / 100_000;
    expect(Number(sound[1]?.pts_time)).toBeCloseTo(second, 3);
    const all = found.flatMap((s) => s.probe.packets.filter((p) => p.codec_type === 'audio'));
    expect(all).toHaveLength(blocks.filter((b) => b.track === 'audio' && b.time >= 40_000).length);
  });

  it('keeps uneven timestamps as they are', async () => {
    const { format, blocks } = makeClip({ seconds: 3 });
    const times = blocks.map((block, i) => block.time + (i % 3) * 1234);
    const { recorder } = record(format);
    for (const [i, block] of blocks.entries()) recorder.write({ ...block, time: times[i] ?? 0 });
    await recorder.finish();
    const [segment] = await segments();
    const found = segment ? videoTimes(segment.probe) : [];
    expect(found).toHaveLength(30);
    for (const [i, time] of found.entries()) expect(time).toBeCloseTo((times[i] ?? 0) / 100_000, 4);
  });

  it('loses no frame and repeats none when ffmpeg is killed in the middle of a GOP', async () => {
    const { format, blocks } = makeClip({ seconds: 8, fps: 10, gop: 20 });
    const { recorder } = record(format);
    await feed(recorder, blocks.slice(0, 37));
    await vi.waitFor(async () => expect(await readdir(folder)).toHaveLength(1), 10_000);
    await vi.waitFor(() => expect(recorder.muxerPid).toBeDefined(), 10_000);
    process.kill(recorder.muxerPid ?? 0, 'SIGKILL');
    await feed(recorder, blocks.slice(37));
    await recorder.finish();
    const found = await segments();
    expect(found.map((s) => videoTimes(s.probe).length).reduce((a, b) => a + b)).toBe(80);
    expect(found).toHaveLength(2);
    for (const segment of found) decodeAll(join(folder, segment.name));
  });

  it('waits for a disk that cannot be written to, and then has every frame', async () => {
    const { format, blocks } = makeClip({ seconds: 3 });
    await rm(folder, { recursive: true });
    await writeFile(folder, 'in the way');
    const { recorder, recording } = record(format);
    await feed(recorder, blocks.slice(0, 25));
    expect(recording).not.toContain(true);
    await rm(folder);
    await vi.waitFor(() => expect(recording).toContain(true), 20_000);
    await feed(recorder, blocks.slice(25));
    await recorder.finish();
    const found = await segments();
    expect(found.map((s) => videoTimes(s.probe).length)).toEqual([30]);
  });

  it('records a GOP larger than all it may hold', async () => {
    const { format, blocks } = makeClip({ seconds: 12, gop: 1000 });
    const bytes = blocks.reduce((sum, block) => sum + block.data.length, 0);
    const { recorder } = record(format, 60, bytes / 2);
    await feed(recorder, blocks);
    await recorder.finish();
    const found = await segments();
    expect(found.map((s) => videoTimes(s.probe).length)).toEqual([120]);
  });

  it('keeps pictures that are sent in another order than shown', async () => {
    const { format, blocks } = makeClip({ seconds: 3, gop: 15, bframes: 2 });
    expect(blocks.some((block, i) => block.time < (blocks[i - 1]?.time ?? 0))).toBe(true);
    const { recorder } = record(format);
    for (const block of blocks) recorder.write(block);
    await recorder.finish();
    const [segment] = await segments();
    const found = segment ? videoTimes(segment.probe) : [];
    const first = blocks[0]?.time ?? 0;
    for (const [i, time] of found.entries())
      expect(time - (found[0] ?? 0)).toBeCloseTo(((blocks[i]?.time ?? 0) - first) / 100_000, 2);
    expect(found).toHaveLength(30);
    if (segment) decodeAll(join(folder, segment.name));
  });

  it('ignores what comes before the first keyframe, and leaves no file when there is none', async () => {
    const { format, blocks } = makeClip({ seconds: 2, gop: 10 });
    const { recorder, recording } = record(format);
    for (const block of blocks.slice(1, 10)) recorder.write(block);
    await recorder.finish();
    expect(await readdir(folder)).toEqual([]);
    expect(recording).not.toContain(true);
  });
});

async function feed(recorder: Recorder, blocks: Block[]): Promise<void> {
  for (const block of blocks) {
    recorder.write(block);
    await wait(20);
  }
}
