import type { Socket } from 'node:net';
import type { UdpPair } from '../udp/pair.ts';

/** A reader as the owner of a stream sees it. */
export interface ReaderInfo {
  id: string;
  /** Address of its control connection. */
  address: string;
  transport: 'tcp' | 'udp';
}

export interface ReaderOptions {
  info: ReaderInfo;
  socket: Socket;
  /** More than this many bytes queued and the reader is too slow. */
  maxQueueBytes: number;
  /** Hangs up. */
  drop(): void;
}

/** One client's session with one stream: which tracks it set up, and how they reach it. */
export class Reader {
  readonly info: ReaderInfo;
  readonly drop: () => void;
  /** Track → RTP channel, -1 where it is not set up. */
  readonly channels: number[] = [];
  readonly #pairs = new Map<number, UdpPair>();
  readonly #socket: Socket;
  readonly #maxQueueBytes: number;

  constructor({ info, socket, maxQueueBytes, drop }: ReaderOptions) {
    this.info = info;
    this.drop = drop;
    this.#socket = socket;
    this.#maxQueueBytes = maxQueueBytes;
  }

  get transport(): 'tcp' | 'udp' {
    return this.info.transport;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  hasTrack(track: number): boolean {
    return this.#pairs.has(track) || (this.channels[track] ?? -1) >= 0;
  }

  /** False when that channel, or its RTCP channel, is taken. */
  useChannel(track: number, channel: number): boolean {
    if (this.channels.some((taken) => taken >= 0 && Math.abs(taken - channel) < 2)) return false;
    while (this.channels.length < track) this.channels.push(-1);
    this.channels[track] = channel;
    return true;
  }

  /** The pair is connected to the client's ports. */
  usePair(track: number, pair: UdpPair): void {
    this.#pairs.set(track, pair);
  }

  /** Interleaved bytes. True when they are still needed; a reader too slow is dropped instead. */
  write(bytes: Buffer): boolean {
    const socket = this.#socket;
    if (!socket.writable) return false;
    if (socket.writableLength + bytes.length > this.#maxQueueBytes) {
      this.drop();
      return false;
    }
    socket.write(bytes);
    return socket.writableLength > 0;
  }

  /** One packet by UDP. The kernel's queue is the only one: what does not fit is lost, as UDP may. */
  send(track: number, offset: 0 | 1, packet: Buffer): void {
    const pair = this.#pairs.get(track);
    const socket = offset === 0 ? pair?.rtp : pair?.rtcp;
    if (!socket || socket.getSendQueueSize() > this.#maxQueueBytes) return;
    socket.send(packet, ignoreSendError);
  }

  close(): void {
    for (const { rtp, rtcp } of this.#pairs.values()) {
      rtp.close();
      rtcp.close();
    }
    this.#pairs.clear();
  }
}

/** Whether a client still listens is told by its control connection. */
const ignoreSendError = () => undefined;
