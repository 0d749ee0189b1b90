import { parseSession, parseTransport, type Transport } from '../message/fields.ts';
import { header, type RtspResponse } from '../message/message.ts';
import { type FailureCode, RtspError, type Track } from '../types.ts';
import { normalAddress } from '../udp/address.ts';
import { type Description, describe } from './describe.ts';
import { type CameraOptions, Dialogue } from './dialogue.ts';
import { UdpReceiver } from './udp.ts';
import { shown } from './url.ts';

export interface SessionOptions extends CameraOptions {
  /** `auto`: TCP, and UDP when the camera does not do TCP (status 461). */
  transport: 'auto' | 'tcp' | 'udp';
  /** Which tracks to play; all when not given. */
  wantTrack?(track: Track): boolean;
}

export interface SessionHandler {
  onTracks(tracks: readonly Track[]): void;
  onPacket(track: Track, buf: Buffer, start: number, end: number): void;
  onPlaying(transport: 'tcp' | 'udp'): void;
  /** Once, unless {@link Session.stop} was called first. */
  onEnd(error: RtspError): void;
}

/** Without a packet for this long a session is dead, ms. */
const STALL_MS = 10_000;
const STALL_CHECK_MS = 1000;
const KEEP_ALIVE_MIN_MS = 1000;
const KEEP_ALIVE_MAX_MS = 60_000;
/** Answers that end a session wherever they come; others only say that this way of asking is not known. */
const FATAL: ReadonlySet<FailureCode> = new Set(['disconnected', 'redirected', 'unauthorized']);

/** One RTSP session from connecting to TEARDOWN. It ends once, with a reason, and throws nothing. */
export class Session {
  readonly #options: SessionOptions;
  readonly #handler: SessionHandler;
  #dialogue: Dialogue | undefined;
  #description: Description | undefined;
  /** RTP channel of the interleaved transport → its track. */
  readonly #channels: (Track | undefined)[] = [];
  readonly #receivers: UdpReceiver[] = [];
  #session: { id: string; timeoutMs: number } | undefined;
  #publicMethods = '';
  #packets = 0;
  #cancelKeepAlive: (() => void) | undefined;
  #cancelStall: (() => void) | undefined;
  #ended = false;

  constructor(options: SessionOptions, handler: SessionHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  start(): void {
    this.#play().catch((error: unknown) => this.#onError(error));
  }

  /** See {@link RtspSource.readEvery}. */
  readEvery(ms: number): void {
    this.#dialogue?.connection.readEvery(ms);
  }

  /** Says TEARDOWN where there is a session, and lets go of everything. */
  async stop(): Promise<void> {
    const wasOver = this.#ended;
    this.#ended = true;
    const [session, description] = [this.#session, this.#description];
    const goodbye =
      wasOver || !session || !description
        ? undefined
        : this.#dialogue?.finish('TEARDOWN', description.sessionUrl, { Session: session.id });
    this.#release();
    await goodbye;
  }

  async #play(): Promise<void> {
    const dialogue = new Dialogue(this.#options, {
      onInterleaved: (channel, buf, start, end) => this.#onInterleaved(channel, buf, start, end),
      onClose: (error) => this.#end(error),
    });
    this.#dialogue = dialogue;
    if (dialogue.tls && this.#options.transport === 'udp') {
      throw new RtspError('unsupported', 'rtsps does not go together with UDP');
    }
    await dialogue.open();
    this.#publicMethods = await learnMethods(dialogue);
    const description = await describe(dialogue);
    this.#description = description;
    const tracks = description.tracks.filter((track) => this.#options.wantTrack?.(track) ?? true);
    if (tracks.length === 0) throw new RtspError('unsupported', 'the camera has no track that is wanted');
    if (this.#ended) return;
    this.#handler.onTracks(tracks);
    const transport = await this.#setUp(dialogue, tracks);
    const response = await dialogue.request('PLAY', description.sessionUrl, {
      Session: this.#session?.id,
      Range: 'npt=0.000-',
    });
    for (const [, url = ''] of (header(response, 'rtp-info') ?? '').matchAll(/url="?([^";,\s]+)/gi)) {
      dialogue.origin.admit(url, 'RTP-Info');
    }
    if (this.#ended) return;
    this.#handler.onPlaying(transport);
    this.#keepAlive();
    this.#watchForStall(this.#packets, STALL_MS / STALL_CHECK_MS);
  }

  async #setUp(dialogue: Dialogue, tracks: readonly Track[]): Promise<'tcp' | 'udp'> {
    // Packets by UDP would leave TLS.
    const transport = dialogue.tls ? 'tcp' : this.#options.transport;
    let lower: 'tcp' | 'udp' = transport === 'udp' ? 'udp' : 'tcp';
    for (const track of tracks) {
      try {
        await this.#setUpTrack(dialogue, track, lower);
      } catch (error) {
        const refused = error instanceof RtspError && error.status === 461;
        if (!refused || transport !== 'auto' || lower === 'udp' || this.#session) throw error;
        lower = 'udp';
        await this.#setUpTrack(dialogue, track, lower);
      }
    }
    return lower;
  }

  async #setUpTrack(dialogue: Dialogue, track: Track, lower: 'tcp' | 'udp'): Promise<void> {
    const url = this.#description?.trackUrls.get(track.index) ?? '';
    const receiver = lower === 'udp' ? await this.#bind(dialogue, track) : undefined;
    const channel = 2 * track.index;
    const asked = receiver
      ? `RTP/AVP;unicast;client_port=${receiver.port}-${receiver.port + 1}`
      : `RTP/AVP/TCP;unicast;interleaved=${channel}-${channel + 1}`;
    const response = await dialogue.request('SETUP', url, { Transport: asked, Session: this.#session?.id });
    const agreed = agreedTransport(dialogue, response, lower);
    if (receiver) receiver.receiveFrom(normalAddress(dialogue.connection.remoteAddress), agreed.serverPort);
    else this.#useChannel(agreed.interleaved?.[0] ?? channel, track);
    const session = header(response, 'session');
    if (session === undefined) throw new RtspError('protocol', 'SETUP was answered without a Session');
    this.#session = parseSession(session);
  }

  async #bind(dialogue: Dialogue, track: Track): Promise<UdpReceiver> {
    const receiver = await UdpReceiver.bind(
      dialogue.connection.localAddress,
      { clock: this.#options.clock, random: this.#options.random, clockRate: track.clockRate },
      {
        onPacket: (buf, start, end) => this.#onPacket(track, buf, start, end),
        onError: (error) => this.#end(error),
      },
    );
    this.#receivers.push(receiver);
    if (this.#ended) receiver.close();
    return receiver;
  }

  #useChannel(channel: number, track: Track): void {
    if (this.#channels[channel]) {
      throw new RtspError('protocol', `the camera sends two tracks on interleaved channel ${channel}`);
    }
    this.#channels[channel] = track;
  }

  #onInterleaved(channel: number, buf: Buffer, start: number, end: number): void {
    const track = this.#channels[channel];
    if (track) this.#onPacket(track, buf, start, end);
  }

  #onPacket(track: Track, buf: Buffer, start: number, end: number): void {
    if (this.#ended) return;
    this.#packets++;
    this.#handler.onPacket(track, buf, start, end);
  }

  /** At half the server's timeout (RFC 2326 A.2, 12.37), with GET_PARAMETER where the server knows it. */
  #keepAlive(): void {
    const halfMs = (this.#session?.timeoutMs ?? 0) / 2;
    const waitMs = Math.min(Math.max(halfMs, KEEP_ALIVE_MIN_MS), KEEP_ALIVE_MAX_MS);
    this.#cancelKeepAlive = this.#options.clock.after(waitMs, () => {
      this.#sendKeepAlive().then(
        () => this.#ended || this.#keepAlive(),
        (error: unknown) => this.#onError(error),
      );
    });
  }

  async #sendKeepAlive(): Promise<void> {
    const method = /\bGET_PARAMETER\b/.test(this.#publicMethods) ? 'GET_PARAMETER' : 'OPTIONS';
    const url = this.#description?.sessionUrl ?? '';
    try {
      await this.#dialogue?.request(method, url, { Session: this.#session?.id }, true);
    } catch (error) {
      if (!(error instanceof RtspError)) throw error;
      // Some cameras never answer while they play; whether they live is told by their packets.
      if (error.code === 'stalled') return;
      if (error.status === undefined || FATAL.has(error.code)) throw error;
      this.#publicMethods = '';
    }
  }

  #watchForStall(seen: number, left: number): void {
    this.#cancelStall = this.#options.clock.after(STALL_CHECK_MS, () => {
      if (this.#packets !== seen) this.#watchForStall(this.#packets, STALL_MS / STALL_CHECK_MS);
      else if (left > 1) this.#watchForStall(seen, left - 1);
      else this.#end(new RtspError('stalled', `no packet for ${STALL_MS / 1000} s`));
    });
  }

  #onError(error: unknown): void {
    if (!(error instanceof RtspError)) throw error;
    this.#end(error);
  }

  #end(error: RtspError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#release();
    this.#handler.onEnd(error);
  }

  #release(): void {
    this.#cancelKeepAlive?.();
    this.#cancelStall?.();
    for (const receiver of this.#receivers) receiver.close();
    this.#dialogue?.connection.close();
  }
}

async function learnMethods(dialogue: Dialogue): Promise<string> {
  try {
    return header(await dialogue.request('OPTIONS', dialogue.url), 'public') ?? '';
  } catch (error) {
    // A server that refuses OPTIONS may still do the rest.
    const harmless = error instanceof RtspError && error.status !== undefined;
    if (!harmless || FATAL.has(error.code)) throw error;
    return '';
  }
}

/** @throws RtspError `redirected`, `unsupported` (status 461), `protocol`. */
function agreedTransport(dialogue: Dialogue, response: RtspResponse, lower: 'tcp' | 'udp'): Transport {
  const transport = parseTransport(header(response, 'transport') ?? '')[0];
  if (!transport) throw new RtspError('protocol', 'SETUP was answered without a usable Transport');
  dialogue.origin.admitHost(transport.source ?? '', 'Transport source');
  const destination = transport.destination ?? '';
  const own = normalAddress(dialogue.connection.localAddress);
  if (destination !== '' && normalAddress(destination) !== own && !dialogue.origin.isHost(destination)) {
    throw new RtspError('redirected', `Transport destination is not us but ${shown(destination)}`);
  }
  if (transport.lower !== lower || transport.multicast) {
    throw new RtspError('unsupported', `the camera does not send by ${lower}`, { status: 461 });
  }
  return transport;
}
