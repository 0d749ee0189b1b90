import type { RemoteInfo, Socket } from 'node:dgram';
import { RtpHeader, readRtpHeader } from '../rtp/header.ts';
import { ReceiverReports } from '../rtp/receiver-reports.ts';
import { ReorderBuffer } from '../rtp/reorder.ts';
import { parseRtcp } from '../rtp/rtcp.ts';
import { type Clock, type Random, RtspError } from '../types.ts';
import { normalAddress } from '../udp/address.ts';
import { bindUdpPair, type UdpPair } from '../udp/pair.ts';

export interface UdpReceiverOptions {
  clock: Clock;
  random: Random;
  /** RTP clock of the track, Hz. */
  clockRate: number;
}

export interface UdpReceiverHandler {
  /** Packets in sequence; `buf[start, end)` is valid during the call only. */
  onPacket(buf: Buffer, start: number, end: number): void;
  onError(error: RtspError): void;
}

const REORDER_WINDOW = 64;
const POLL_MS = 50;
const REPORT_MS = 5000;

/**
 * One track over UDP: an even RTP port and the RTCP port above it. Only packets from the camera's address,
 * and from its server ports where it named them, are looked at.
 */
export class UdpReceiver {
  /** The RTP port; RTCP is one above. */
  readonly port: number;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #clock: Clock;
  readonly #handler: UdpReceiverHandler;
  readonly #reorder: ReorderBuffer;
  readonly #reports: ReceiverReports;
  readonly #header = new RtpHeader();
  #address: string | undefined;
  #serverPorts: readonly [number, number] | undefined;
  #cancelPoll: (() => void) | undefined;
  #cancelReport: (() => void) | undefined;
  #closed = false;

  /** @throws RtspError `limit` when no port pair is free. */
  static async bind(
    localAddress: string,
    options: UdpReceiverOptions,
    handler: UdpReceiverHandler,
  ): Promise<UdpReceiver> {
    return new UdpReceiver(await bindUdpPair(localAddress, options.random), options, handler);
  }

  private constructor(
    { port, rtp, rtcp }: UdpPair,
    { clock, random, clockRate }: UdpReceiverOptions,
    handler: UdpReceiverHandler,
  ) {
    this.port = port;
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#clock = clock;
    this.#handler = handler;
    this.#reports = new ReceiverReports({
      ssrc: Math.floor(random() * 2 ** 32),
      cname: 'opennvr',
      clockRate,
    });
    this.#reorder = new ReorderBuffer({
      window: REORDER_WINDOW,
      onPacket: (buf, start, end) => handler.onPacket(buf, start, end),
    });
    rtp.on('message', (packet, from) => this.#onRtp(packet, from));
    rtcp.on('message', (packet, from) => this.#onRtcp(packet, from));
  }

  /** Starts to accept packets, and opens the way for them through a firewall on our side. */
  receiveFrom(address: string, serverPorts: readonly [number, number] | undefined): void {
    if (this.#closed) return;
    this.#address = address;
    this.#serverPorts = serverPorts;
    if (serverPorts) this.#rtp.send(EMPTY_RTP_PACKET, serverPorts[0], address, ignoreSendError);
    this.#report();
    this.#poll();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelPoll?.();
    this.#cancelReport?.();
    this.#rtp.close();
    this.#rtcp.close();
  }

  #onRtp(packet: Buffer, from: RemoteInfo): void {
    if (this.#closed || !this.#isCamera(from, 0)) return;
    if (!readRtpHeader(packet, 0, packet.length, this.#header)) return;
    this.#reports.onPacket(this.#header, this.#clock.monotonic());
    this.#guarded(() => this.#reorder.push(packet, 0, packet.length));
  }

  #onRtcp(packet: Buffer, from: RemoteInfo): void {
    if (this.#closed || !this.#isCamera(from, 1)) return;
    try {
      for (const part of parseRtcp(packet)) {
        if (part.type === 'sender-report') this.#reports.onSenderReport(part, this.#clock.monotonic());
      }
    } catch (error) {
      // Broken reports cost the sender its round trip time, us nothing.
      if (!(error instanceof RtspError)) throw error;
    }
  }

  #isCamera(from: RemoteInfo, which: 0 | 1): boolean {
    const port = this.#serverPorts?.[which];
    return normalAddress(from.address) === this.#address && (port === undefined || port === from.port);
  }

  #poll(): void {
    this.#cancelPoll = this.#clock.after(POLL_MS, () => {
      this.#guarded(() => this.#reorder.poll());
      if (!this.#closed) this.#poll();
    });
  }

  #report(): void {
    const port = this.#serverPorts?.[1];
    if (port !== undefined && this.#address !== undefined) {
      this.#rtcp.send(this.#reports.build(this.#clock.monotonic()), port, this.#address, ignoreSendError);
    }
    this.#cancelReport = this.#clock.after(REPORT_MS, () => this.#report());
  }

  #guarded(deliver: () => void): void {
    try {
      deliver();
    } catch (error) {
      if (!(error instanceof RtspError)) throw error;
      this.#handler.onError(error);
    }
  }
}

/** RTP version 2, payload type 0, nothing in it. */
const EMPTY_RTP_PACKET = Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** UDP promises nothing; a lost report is followed by the next. */
const ignoreSendError = () => undefined;
