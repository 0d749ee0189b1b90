import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  isSliceType,
  nalType,
  Packetizer,
  RtspServer,
  type ServedStream,
  splitAnnexB,
  type VideoCodec,
} from '@opennvr/rtsp';
import { findProgram, systemClock } from '@opennvr/service';
import { onTestFinished } from 'vitest';
import { scratch } from './support.ts';

const ffmpeg = findProgram('ffmpeg', 'FFMPEG_BIN');

/** Why there are no real streams here, '' when there are; for the names of skipped tests. */
export const withoutEncoders = (() => {
  if (ffmpeg === undefined) return ' (skipped: no ffmpeg)';
  const { stdout } = spawnSync(ffmpeg, ['-hide_banner', '-encoders'], { encoding: 'utf8' });
  return /libx264 .*libx265 /s.test(stdout) ? '' : ' (skipped: ffmpeg without libx264 or libx265)';
})();

/** Frames of a second; a keyframe every so many. */
const FPS = 20;
export const GOP = 4;

/** A second of moving test picture as access units. */
export function encode(codec: VideoCodec, width = 320, height = 180): Buffer[][] {
  const path = join(scratch(), 'clip');
  const input = ['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${FPS}:duration=1`];
  const output = ['-pix_fmt', 'yuv420p', '-preset', 'ultrafast', '-g', `${GOP}`, '-threads', '1'];
  const encoder =
    codec === 'h264'
      ? ['-c:v', 'libx264', '-sc_threshold', '0', '-f', 'h264']
      : ['-c:v', 'libx265', '-x265-params', 'log-level=none:pools=1', '-f', 'hevc'];
  const args = ['-loglevel', 'error', ...input, ...output, ...encoder, '-y', path];
  const { status } = spawnSync(ffmpeg ?? 'ffmpeg', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error('ffmpeg made no clip');
  const units: Buffer[][] = [];
  let unit: Buffer[] = [];
  for (const nal of splitAnnexB(readFileSync(path))) {
    unit.push(nal);
    // The encoder makes one slice a picture.
    if (!isSliceType(codec, nalType(codec, nal))) continue;
    units.push(unit);
    unit = [];
  }
  return units;
}

export interface Credentials {
  username: string;
  password: string;
}

/** What the media engine serves kaic: one RTSP server with a stream per camera. */
export class TestEngine {
  readonly server: RtspServer;
  /** Sessions that began to play, by camera. */
  readonly plays = new Map<string, number>();
  readonly #streams = new Map<string, ServedStream>();

  constructor(credentials?: Credentials) {
    this.server = new RtspServer({
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      random: Math.random,
      ...(credentials && { auth: { ...credentials, methods: ['digest-sha256'], realm: 'test' } }),
    });
    onTestFinished(() => this.server.close());
  }

  async listen(): Promise<number> {
    return (await this.server.listen()).port;
  }

  /** Serves a camera that sends `units` over and over. */
  addCamera(id: string, codec: VideoCodec, units: readonly Buffer[][]): void {
    const track = {
      index: 0,
      kind: 'video' as const,
      codec,
      payloadType: 96,
      clockRate: 90_000,
      channels: 0,
      control: '',
      fmtp: new Map(),
      parameterSets: {},
    };
    const onPlay = () => void this.plays.set(id, (this.plays.get(id) ?? 0) + 1);
    const stream = this.server.addStream(id, [track], { onPlay });
    this.#streams.set(id, stream);
    const packetizer = new Packetizer({ codec, payloadType: 96, ssrc: 1, mtu: 1400 });
    let sent = 0;
    const timer = setInterval(() => {
      const unit = units[sent % units.length] ?? [];
      for (const packet of packetizer.packetize(unit, (sent * 90_000) / FPS)) stream.writeRtp(0, packet);
      sent++;
    }, 1000 / FPS);
    onTestFinished(() => clearInterval(timer));
  }

  /** Says anything at all to who watches a camera, as hostile ones do. */
  sendRaw(id: string, packet: Buffer): void {
    this.#streams.get(id)?.writeRtp(0, packet);
  }
}
