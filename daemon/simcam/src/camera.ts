import { type Clock, type Random, RtspServer, type ServedStream, type Track } from '@opennvr/rtsp';
import type { Clip } from './clip.ts';
import { AUDIO_PAYLOAD_TYPE, Player, VIDEO_PAYLOAD_TYPE } from './player.ts';

export interface CameraAuth {
  username: string;
  password: string;
  methods: readonly ('basic' | 'digest-md5' | 'digest-sha256')[];
}

export interface SimulatedCameraOptions {
  clip: Clip;
  /** Address to listen on. */
  host: string;
  /** 0 takes a free one; it stays the same while the camera flaps. */
  port: number;
  /** Without a leading slash. */
  path: string;
  auth?: CameraAuth | undefined;
  /** The only way it sends RTP; both when absent. */
  transport?: 'tcp' | 'udp' | undefined;
  clock: Clock;
  random: Random;
}

/** What one reader was sent, from PLAY to its end. */
export interface SessionCount {
  framesSent: number;
  /** Numbers in the SEIs of the first and the last of them; -1 before the first. */
  firstFrame: number;
  lastFrame: number;
  open: boolean;
}

const REALM = 'opennvr-simcam';
/** Sessions remembered; a reader that reconnects for ever must not fill the memory. */
const MAX_SESSIONS = 10_000;
/** After the last packet, before the connections go: packets on their way shall arrive. */
const LINGER_MS = 300;

/**
 * A camera that is not there: RTSP, RTP and pictures are real, and it knows the number of every frame it sent.
 * Every reader's session starts with a keyframe; while nobody reads, nothing is sent and no number is used.
 */
export class SimulatedCamera {
  readonly #options: SimulatedCameraOptions;
  readonly #sessions = new Map<unknown, SessionCount>();
  readonly #ended: SessionCount[] = [];
  #clip: Clip;
  #player: Player;
  #server: RtspServer | undefined;
  #stream: ServedStream | undefined;
  #port: number;
  #keyframes = 0;
  #finished: (() => void) | undefined;
  #cancelReturn: (() => void) | undefined;

  constructor(options: SimulatedCameraOptions) {
    this.#options = options;
    this.#clip = options.clip;
    this.#port = options.port;
    this.#player = this.#newPlayer(0);
  }

  /** Where it is, without credentials. */
  get url(): string {
    return `rtsp://${this.#options.host}:${this.#port}/${this.#options.path}`;
  }

  get clip(): Clip {
    return this.#clip;
  }

  /** Every session so far, oldest first. */
  get sessions(): SessionCount[] {
    return [...this.#ended, ...this.#sessions.values()].map((session) => ({ ...session }));
  }

  /** Numbered frames sent to at least one reader: the numbers 0 to this, exclusive. */
  get framesSent(): number {
    return this.#player.nextFrame;
  }

  get keyframesSent(): number {
    return this.#keyframes;
  }

  /** Listens. @throws RtspError when the address cannot be had. */
  async start(): Promise<void> {
    const { host, auth, transport, clock, random, path } = this.#options;
    const server = new RtspServer({
      host,
      port: this.#port,
      clock,
      random,
      ...(transport ? { transports: [transport] } : {}),
      ...(auth ? { auth: { ...auth, methods: [...auth.methods], realm: REALM } } : {}),
    });
    this.#stream = server.addStream(path, tracksOf(this.#clip), {
      onPlay: (reader) => this.#onPlay(reader),
      onStop: (reader) => this.#onStop(reader),
    });
    this.#port = (await server.listen()).port;
    this.#server = server;
  }

  /** Ends the stream after a whole GOP, then leaves the network. Counts are final when this resolves. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#finished = resolve;
      this.#player.finish();
    });
    await new Promise<void>((resolve) => this.#options.clock.after(LINGER_MS, resolve));
    await this.close();
  }

  /** Falls off the network at once, mid-picture, and comes back after `downMs`. */
  async flap(downMs: number): Promise<void> {
    await this.#hangUp();
    await new Promise<void>((resolve) => {
      this.#cancelReturn = this.#options.clock.after(downMs, resolve);
    });
    await this.start();
  }

  /** Films another clip from now on (another size, say): readers are cut off and find it when they return. */
  async change(clip: Clip): Promise<void> {
    await this.#hangUp();
    this.#clip = clip;
    this.#player = this.#newPlayer(this.#player.nextFrame);
    await this.start();
  }

  /** Falls off the network for good. */
  async close(): Promise<void> {
    this.#cancelReturn?.();
    await this.#hangUp();
  }

  async #hangUp(): Promise<void> {
    this.#player.pause();
    const server = this.#server;
    this.#server = undefined;
    this.#stream = undefined;
    await server?.close();
    for (const reader of [...this.#sessions.keys()]) this.#onStop(reader);
  }

  #newPlayer(firstFrame: number): Player {
    return new Player(this.#clip, firstFrame, {
      clock: this.#options.clock,
      random: this.#options.random,
      send: (track, packet) => this.#stream?.writeRtp(track === 'video' ? 0 : 1, packet, 0, packet.length),
      onFrame: (frame, keyframe) => this.#onFrame(frame, keyframe),
      onFinished: () => this.#finished?.(),
    });
  }

  #onPlay(reader: unknown): void {
    this.#sessions.set(reader, { framesSent: 0, firstFrame: -1, lastFrame: -1, open: true });
    if (this.#player.playing) this.#player.cut();
    // Not from within the PLAY request: its answer goes out before the first packet.
    else this.#options.clock.after(0, () => this.#sessions.size > 0 && this.#server && this.#player.play());
  }

  #onStop(reader: unknown): void {
    const session = this.#sessions.get(reader);
    if (!session) return;
    this.#sessions.delete(reader);
    session.open = false;
    this.#ended.push(session);
    if (this.#ended.length > MAX_SESSIONS) this.#ended.shift();
    if (this.#sessions.size === 0) this.#player.pause();
  }

  #onFrame(frame: number, keyframe: boolean): void {
    if (keyframe) this.#keyframes += 1;
    for (const session of this.#sessions.values()) {
      session.framesSent += 1;
      if (session.firstFrame < 0) session.firstFrame = frame;
      session.lastFrame = frame;
    }
  }
}

/** Makes a camera and puts it on the network. */
export async function startSimulatedCamera(options: SimulatedCameraOptions): Promise<SimulatedCamera> {
  const camera = new SimulatedCamera(options);
  await camera.start();
  return camera;
}

function tracksOf(clip: Clip): Track[] {
  const { vps, sps, pps } = clip.parameterSets;
  const base64 = (nal: Buffer | undefined) => nal?.toString('base64') ?? '';
  const fmtp =
    clip.spec.codec === 'h264'
      ? {
          'packetization-mode': '1',
          'profile-level-id': sps?.subarray(1, 4).toString('hex') ?? '',
          'sprop-parameter-sets': `${base64(sps)},${base64(pps)}`,
        }
      : { 'sprop-vps': base64(vps), 'sprop-sps': base64(sps), 'sprop-pps': base64(pps) };
  const video: Track = {
    index: 0,
    kind: 'video',
    codec: clip.spec.codec,
    payloadType: VIDEO_PAYLOAD_TYPE,
    clockRate: 90_000,
    channels: 0,
    control: 'trackID=0',
    fmtp: new Map(Object.entries(fmtp)),
    parameterSets: clip.parameterSets,
  };
  if (!clip.audio) return [video];
  const { config, sampleRate, channels } = clip.audio;
  const aac = {
    'profile-level-id': '1',
    mode: 'AAC-hbr',
    sizelength: '13',
    indexlength: '3',
    indexdeltalength: '3',
    config: config.toString('hex'),
  };
  const audio: Track = {
    index: 1,
    kind: 'audio',
    codec: 'aac',
    payloadType: AUDIO_PAYLOAD_TYPE,
    clockRate: sampleRate,
    channels,
    control: 'trackID=1',
    fmtp: new Map(Object.entries(aac)),
    parameterSets: {},
  };
  return [video, audio];
}
