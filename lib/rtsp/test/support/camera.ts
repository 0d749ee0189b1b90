import {
  frameNumberSei,
  isKeyframeNal,
  Packetizer,
  RtspServer,
  type RtspServerOptions,
  type ServedStream,
  type Track,
  type VideoCodec,
} from '../../src/index.ts';
import type { Clip } from '../media.ts';
import { realClock } from './clock.ts';

const FRAME_MS = 25;

/** NAL units of a clip as access units: each slice ends one (the test clips have one slice a picture). */
export function accessUnits(clip: Clip): Buffer[][] {
  const units: Buffer[][] = [];
  let unit: Buffer[] = [];
  for (const nal of clip.nalUnits) {
    unit.push(nal);
    const type = clip.codec === 'h264' ? (nal[0] ?? 0) & 0x1f : ((nal[0] ?? 0) >> 1) & 0x3f;
    if (clip.codec === 'h264' ? type === 1 || type === 5 : type < 32) {
      units.push(unit);
      unit = [];
    }
  }
  return units;
}

export function videoTrack(codec: VideoCodec, payloadType = 96): Track {
  return {
    index: 0,
    kind: 'video',
    codec,
    payloadType,
    clockRate: 90_000,
    channels: 0,
    control: '',
    fmtp: new Map(),
    parameterSets: {},
  };
}

export interface CameraOptions extends Partial<RtspServerOptions> {
  clip: Clip;
  path?: string;
}

/** A camera of ours: sends a clip over and over to whoever plays, every frame numbered. */
export class TestCamera {
  readonly server: RtspServer;
  readonly stream: ServedStream;
  /** Numbers given so far. */
  sent = 0;
  readonly #units: Buffer[][];
  readonly #codec: VideoCodec;
  readonly #packetizer: Packetizer;
  #timer: NodeJS.Timeout | undefined;

  constructor({ clip, path = 'cam', ...options }: CameraOptions) {
    this.server = new RtspServer({
      host: '127.0.0.1',
      port: 0,
      clock: realClock,
      random: Math.random,
      ...options,
    });
    this.stream = this.server.addStream(path, [videoTrack(clip.codec)], { onPlay: () => this.#start() });
    this.#units = accessUnits(clip);
    this.#codec = clip.codec;
    this.#packetizer = new Packetizer({ codec: clip.codec, payloadType: 96, ssrc: 1, mtu: 1400 });
  }

  async listen(): Promise<number> {
    return (await this.server.listen()).port;
  }

  /** The next frame; without parameters, the clip's next one at its place in time. */
  sendFrame(): void {
    const unit = this.#units[this.sent % this.#units.length] ?? [];
    const at = unit.findIndex((nal) => isSlice(this.#codec, nal));
    const numbered = unit.toSpliced(at, 0, frameNumberSei(this.#codec, this.sent));
    for (const packet of this.#packetizer.packetize(numbered, this.sent * FRAME_MS * 90)) {
      this.stream.writeRtp(0, packet);
    }
    this.sent++;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.server.close();
  }

  #start(): void {
    this.#timer ??= setInterval(() => this.sendFrame(), FRAME_MS);
  }
}

function isSlice(codec: VideoCodec, nal: Buffer): boolean {
  const type = codec === 'h264' ? (nal[0] ?? 0) & 0x1f : ((nal[0] ?? 0) >> 1) & 0x3f;
  return isKeyframeNal(codec, nal) || (codec === 'h264' ? type === 1 : type < 32);
}
