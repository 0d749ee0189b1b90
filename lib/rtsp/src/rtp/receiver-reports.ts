import type { RtpHeader } from './header.ts';
import type { ReportBlock, SenderReport } from './rtcp.ts';
import { buildReceiverReport } from './rtcp-write.ts';
import { MAX_DROPOUT, MAX_MISORDER, sequenceDelta, timestampDelta } from './wrap.ts';

export interface ReceiverReportsOptions {
  /** Our own SSRC, drawn at random by the caller. */
  ssrc: number;
  /** Name that stays the same over restarts, at most 255 bytes. */
  cname: string;
  /** Of the track, Hz. */
  clockRate: number;
}

/**
 * Reception statistics of one track (RFC 3550 A.1, A.3, A.8) and the receiver reports made of them.
 * Times are monotonic, ms.
 */
export class ReceiverReports {
  readonly #ssrc: number;
  readonly #cname: string;
  readonly #ticksPerMs: number;
  #source = 0;
  #base = -1;
  /** Highest sequence number, wraps counted in the upper bits. */
  #highest = 0;
  #received = 0;
  #expectedPrior = 0;
  #receivedPrior = 0;
  #timestamp = 0;
  #arrivalMs = 0;
  #jitter = 0;
  #ntpMiddle = 0;
  #senderReportMs = 0;

  constructor({ ssrc, cname, clockRate }: ReceiverReportsOptions) {
    this.#ssrc = ssrc;
    this.#cname = cname;
    this.#ticksPerMs = clockRate / 1000;
  }

  /** Counts one packet, in the order of arrival. */
  onPacket(header: RtpHeader, arrivalMs: number): void {
    const ahead = sequenceDelta(this.#highest, header.sequenceNumber);
    const outOfRange = ahead > MAX_DROPOUT || ahead < -MAX_MISORDER;
    if (this.#base < 0 || header.ssrc !== this.#source || outOfRange) this.#start(header);
    else if (ahead > 0) this.#highest += ahead;
    this.#updateJitter(header.timestamp, arrivalMs);
    this.#received++;
  }

  /** Takes note of a sender report, so that the sender can compute the round trip time. */
  onSenderReport(report: SenderReport, arrivalMs: number): void {
    this.#ntpMiddle = report.ntpMiddle;
    this.#senderReportMs = arrivalMs;
  }

  /** A compound RTCP packet to send now; starts the next interval of "fraction lost". */
  build(nowMs: number): Buffer {
    return buildReceiverReport(this.#ssrc, this.#cname, this.#base < 0 ? [] : [this.#block(nowMs)]);
  }

  /** RFC 3550 A.3. */
  #block(nowMs: number): ReportBlock {
    const expected = this.#highest - this.#base + 1;
    const expectedInterval = expected - this.#expectedPrior;
    const lostInterval = expectedInterval - (this.#received - this.#receivedPrior);
    this.#expectedPrior = expected;
    this.#receivedPrior = this.#received;
    const fraction = expectedInterval > 0 && lostInterval > 0 ? (lostInterval * 256) / expectedInterval : 0;
    const delayMs = this.#ntpMiddle === 0 ? 0 : nowMs - this.#senderReportMs;
    return {
      ssrc: this.#source,
      fractionLost: Math.min(Math.floor(fraction), 255),
      cumulativeLost: Math.min(Math.max(expected - this.#received, -0x80_0000), 0x7f_ffff),
      highestSequence: this.#highest >>> 0,
      jitter: Math.floor(this.#jitter),
      lastSenderReport: this.#ntpMiddle,
      delaySinceLastSenderReport: Math.min(Math.max(Math.round(delayMs * 65.536), 0), 0xffff_ffff),
    };
  }

  /** RFC 3550 A.8, with the transit time's differences only: clocks wrap and never agree. */
  #updateJitter(timestamp: number, arrivalMs: number): void {
    if (this.#received > 0) {
      const elapsed = (arrivalMs - this.#arrivalMs) * this.#ticksPerMs;
      const difference = Math.abs(elapsed - timestampDelta(this.#timestamp, timestamp));
      this.#jitter = Math.min(this.#jitter + (difference - this.#jitter) / 16, 0xffff_ffff);
    }
    this.#timestamp = timestamp;
    this.#arrivalMs = arrivalMs;
  }

  /** RFC 3550 A.1, init_seq; a source that starts over is a new one to us. */
  #start(header: RtpHeader): void {
    this.#source = header.ssrc;
    this.#base = header.sequenceNumber;
    this.#highest = header.sequenceNumber;
    this.#received = 0;
    this.#expectedPrior = 0;
    this.#receivedPrior = 0;
    this.#jitter = 0;
  }
}
