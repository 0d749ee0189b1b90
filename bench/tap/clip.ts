import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  frameNumberSei,
  H264_NAL,
  isKeyframeNal,
  isSliceType,
  nalType,
  Packetizer,
  type ParameterSets,
  splitAnnexB,
} from '@opennvr/rtsp';

/** What a camera sends: 1080p25, 4 Mbit/s, a keyframe a second, no B-frames, like a camera's main stream. */
export const CLIP = { width: 1920, height: 1080, fps: 25, kbps: 4000, gop: 25, seconds: 10 } as const;
const RTP_CLOCK = 90_000;
/** An RTP packet in its RTSP frame fits an Ethernet frame. */
const MTU = 1400;

/** One access unit, as it goes onto an RTSP connection (RFC 2326 10.12, channel 0). */
export interface ClipFrame {
  keyframe: boolean;
  bytes: Buffer;
  /** Where in `bytes` each RTP header starts. */
  packets: number[];
}

export interface Clip {
  frames: ClipFrame[];
  packets: number;
  parameterSets: ParameterSets;
  /** As encoded, with all headers on the wire. */
  kbps: number;
}

/** Encodes the clip with ffmpeg, once; each frame is numbered in an SEI. */
export function loadClip(ffmpeg: string): Clip {
  const { width, height, fps, kbps, gop, seconds } = CLIP;
  const dir = join(tmpdir(), 'opennvr-bench');
  const path = join(dir, `tap-${width}x${height}-${fps}-${kbps}-${gop}-${seconds}.h264`);
  if (!existsSync(path)) {
    mkdirSync(dir, { recursive: true });
    // Noise keeps the encoder at its bitrate; a test picture alone would take a fraction of it.
    const picture = `testsrc2=size=${width}x${height}:rate=${fps},noise=alls=12:allf=t`;
    const rate = ['-b:v', `${kbps}k`, '-maxrate', `${kbps}k`, '-bufsize', `${kbps}k`];
    const codec = [
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-tune',
      'zerolatency',
      '-g',
      `${gop}`,
      '-bf',
      '0',
    ];
    const args = ['-f', 'lavfi', '-i', picture, '-t', `${seconds}`, '-pix_fmt', 'yuv420p', ...codec, ...rate];
    const done = spawnSync(
      ffmpeg,
      ['-nostdin', '-loglevel', 'error', ...args, '-sc_threshold', '0', '-f', 'h264', '-y', `${path}.new`],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    if (done.status !== 0) throw new Error('ffmpeg could not make the clip');
    renameSync(`${path}.new`, path);
  }
  return packetize(accessUnits(splitAnnexB(readFileSync(path))));
}

function accessUnits(nalUnits: Buffer[]): Buffer[][] {
  const units: Buffer[][] = [];
  let unit: Buffer[] = [];
  let hasSlice = false;
  for (const nal of nalUnits) {
    const slice = isSliceType('h264', nalType('h264', nal));
    // first_mb_in_slice is 0 when its ue(v) is a single 1 bit.
    if (hasSlice && (!slice || (nal[1] ?? 0) >= 0x80)) {
      units.push(unit);
      unit = [];
      hasSlice = false;
    }
    unit.push(nal);
    hasSlice ||= slice;
  }
  return [...units, unit];
}

function packetize(units: Buffer[][]): Clip {
  const packetizer = new Packetizer({ codec: 'h264', payloadType: 96, ssrc: 0, mtu: MTU });
  const step = RTP_CLOCK / CLIP.fps;
  const parameterSets: ParameterSets = {};
  let packets = 0;
  let bytes = 0;
  const frames = units.map((unit, n): ClipFrame => {
    for (const nal of unit) {
      if (nalType('h264', nal) === H264_NAL.sps) parameterSets.sps = nal;
      if (nalType('h264', nal) === H264_NAL.pps) parameterSets.pps = nal;
    }
    const at = unit.findIndex((nal) => isSliceType('h264', nalType('h264', nal)));
    const rtp = packetizer.packetize(unit.toSpliced(at, 0, frameNumberSei('h264', n)), n * step);
    const parts = rtp.flatMap((packet) => {
      const header = Buffer.from([0x24, 0, 0, 0]);
      header.writeUInt16BE(packet.length, 2);
      return [header, packet];
    });
    const starts: number[] = [];
    let position = 0;
    for (const packet of rtp) {
      starts.push(position + 4);
      position += 4 + packet.length;
    }
    packets += rtp.length;
    bytes += position;
    return {
      keyframe: unit.some((nal) => isKeyframeNal('h264', nal)),
      bytes: Buffer.concat(parts),
      packets: starts,
    };
  });
  return { frames, packets, parameterSets, kbps: (bytes * 8) / 1000 / (units.length / CLIP.fps) };
}
