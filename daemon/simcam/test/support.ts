import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AccessUnitAssembler,
  RtspSource,
  type RtspSourceOptions,
  readFrameNumber,
  type VideoCodec,
} from '@opennvr/rtsp';
import { findProgram, systemClock } from '@opennvr/service';
import { afterAll } from 'vitest';
import { type Clip, type ClipSpec, DEFAULT_CLIP, loadClip } from '../src/index.ts';

export const ffmpeg = findProgram('ffmpeg', 'FFMPEG_BIN');
export const why = ffmpeg === undefined ? ' (skipped: no ffmpeg)' : '';

/** A clip of one second, so that the loop closes often. */
export const SMALL: ClipSpec = { ...DEFAULT_CLIP, width: 160, height: 120, gopFrames: 5, seconds: 1 };

const cacheDir = mkdtempSync(join(tmpdir(), 'opennvr-clips-'));
afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

export function clipOf(spec: Partial<ClipSpec> = {}): Promise<Clip> {
  return loadClip({ ...SMALL, ...spec }, { ffmpeg: ffmpeg ?? '', cacheDir });
}

export interface Seen {
  number: number | undefined;
  keyframe: boolean;
  damaged: boolean;
  rtpTimestamp: number;
}

/** Reads a camera's video and keeps what arrived. */
export function readCamera(
  url: string,
  codec: VideoCodec,
  options: Partial<RtspSourceOptions> = {},
): { seen: Seen[]; states: string[]; audioPackets: () => number; stop(): Promise<void> } {
  const seen: Seen[] = [];
  const states: string[] = [];
  let audio = 0;
  const newAssembler = () =>
    new AccessUnitAssembler({
      codec,
      mode: 'all',
      onAccessUnit: ({ nalUnits, keyframe, damaged, rtpTimestamp }) =>
        seen.push({ number: readFrameNumber(codec, nalUnits), keyframe, damaged, rtpTimestamp }),
    });
  let assembler = newAssembler();
  const source = new RtspSource(
    {
      url,
      transport: 'tcp',
      clock: systemClock,
      random: Math.random,
      backoff: { minMs: 50, maxMs: 100 },
      ...options,
    },
    {
      onTracks: () => {
        assembler = newAssembler();
      },
      onPacket: (track, buf, start, end) => {
        if (track.kind === 'video') assembler.push(buf, start, end);
        else audio += 1;
      },
      onState: ({ name, error }) => states.push(error ? `${name} ${error.code}` : name),
    },
  );
  source.start();
  return { seen, states, audioPackets: () => audio, stop: () => source.stop() };
}

/** Waits until it holds, a long time if need be. */
export async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`still not so: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
