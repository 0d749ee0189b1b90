import { RtpHeader, readRtpHeader } from '../rtp/header.ts';
import { buildSenderReport } from '../rtp/rtcp-write.ts';
import { timestampDelta } from '../rtp/wrap.ts';
import type { Clock } from '../types.ts';

/** Further off than this and the sender has started a new time line, s. */
const MAX_DRIFT_S = 5;

/**
 * What sender reports say of one track. Wall clock and RTP timestamp are tied together once, at the first
 * packet: receivers move their time line at every report, so reports must all lie on one line.
 */
export class SenderClock {
  readonly #clock: Clock;
  readonly #clockRate: number;
  readonly #header = new RtpHeader();
  #packets = 0;
  #octets = 0;
  #baseTimestamp = 0;
  #baseMs = 0;
  /** Wall clock at the base, ms since the epoch. */
  #baseWallMs = 0;

  constructor(clock: Clock, clockRate: number) {
    this.#clock = clock;
    this.#clockRate = clockRate;
  }

  onPacket(buf: Buffer, start: number, end: number): void {
    if (!readRtpHeader(buf, start, end, this.#header)) return;
    if (this.#packets === 0) this.#tie();
    this.#packets++;
    this.#octets += this.#header.payloadEnd - this.#header.payloadStart;
  }

  /** A compound RTCP packet, undefined before the first RTP packet. */
  report(): Buffer | undefined {
    if (this.#packets === 0) return undefined;
    let elapsedMs = this.#clock.monotonic() - this.#baseMs;
    const onLine = () => Math.round(this.#baseTimestamp + (elapsedMs * this.#clockRate) / 1000) >>> 0;
    if (Math.abs(timestampDelta(onLine(), this.#header.timestamp)) > MAX_DRIFT_S * this.#clockRate) {
      this.#tie();
      elapsedMs = 0;
    }
    return buildSenderReport({
      ssrc: this.#header.ssrc,
      cname: 'opennvr',
      wallMs: this.#baseWallMs + elapsedMs,
      rtpTimestamp: onLine(),
      packets: this.#packets,
      octets: this.#octets,
    });
  }

  #tie(): void {
    this.#baseTimestamp = this.#header.timestamp;
    this.#baseMs = this.#clock.monotonic();
    this.#baseWallMs = this.#clock.now();
  }
}
