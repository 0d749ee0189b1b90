import { ParameterSetTracker } from '../bitstream/parameter-sets.ts';
import type { AccessUnit, ParameterSets, VideoCodec } from '../types.ts';
import { RtpHeader, readRtpHeader } from './header.ts';
import { depacketizeH264 } from './payload-h264.ts';
import { depacketizeH265 } from './payload-h265.ts';
import { type AssemblerMode, type AssemblerStats, Picture } from './picture.ts';
import { MAX_MISORDER, sequenceDelta } from './wrap.ts';

export interface AssemblerOptions {
  codec: VideoCodec;
  /** `keyframes` looks at no more than the NAL type of all other pictures. */
  mode: AssemblerMode;
  /** Called within `push`, once an access unit is over. */
  onAccessUnit(accessUnit: AccessUnit): void;
  /** Those of the session description; in-band ones replace them. */
  parameterSets?: ParameterSets;
  /**
   * True: access units are lent, their NAL units are valid during `onAccessUnit` only. Spares one large
   * allocation a picture, and with it most of the garbage collector's work. They are the receiver's otherwise.
   */
  lend?: boolean;
}

/**
 * RTP packets of one H.264 (RFC 6184) or H.265 (RFC 7798) track in, access units out. Packets are expected in
 * sequence; put a `ReorderBuffer` in front where the network may reorder.
 *
 * An access unit ends at its marker bit, or at the next timestamp when the marker is missing. A keyframe comes with
 * its parameter sets. Mode `keyframes` emits keyframes only, and only whole ones; mode `all` emits everything and
 * says what is damaged. Nothing a packet holds makes it throw; memory stays below `LIMITS.accessUnit` twice over.
 */
export class AccessUnitAssembler {
  readonly stats: Readonly<AssemblerStats>;
  readonly #stats: AssemblerStats = { packets: 0, lost: 0, late: 0, damaged: 0, malformed: 0, keyframes: 0 };
  readonly #picture: Picture;
  readonly #header = new RtpHeader();
  readonly #depacketize: typeof depacketizeH264;
  /** Next sequence number, -1 before the first packet. */
  #expected = -1;

  constructor({ codec, mode, onAccessUnit, parameterSets, lend = false }: AssemblerOptions) {
    this.stats = this.#stats;
    const sets = new ParameterSetTracker(codec, parameterSets);
    this.#picture = new Picture(codec, mode, this.#stats, sets, onAccessUnit, lend);
    this.#depacketize = codec === 'h264' ? depacketizeH264 : depacketizeH265;
  }

  /** In mode `keyframes`: false skips keyframes as well, from the next one on, until set again. */
  get want(): boolean {
    return this.#picture.want;
  }

  set want(want: boolean) {
    this.#picture.want = want;
  }

  /** Takes the RTP packet in `buf[start, end)`, whose bytes are needed during the call only. */
  push(buf: Buffer, start: number, end: number): void {
    const header = this.#header;
    const stats = this.#stats;
    if (!readRtpHeader(buf, start, end, header)) {
      stats.malformed++;
      return;
    }
    stats.packets++;
    const picture = this.#picture;
    if (header.sequenceNumber !== this.#expected && !this.#resume(header)) return;
    this.#expected = (header.sequenceNumber + 1) & 0xffff;
    if (header.timestamp !== picture.timestamp) {
      picture.end();
      picture.timestamp = header.timestamp;
    }
    if (!picture.skipping) {
      if (header.payloadStart < header.payloadEnd) {
        this.#depacketize(picture, buf, header.payloadStart, header.payloadEnd);
      } else {
        stats.malformed++;
      }
    }
    if (header.marker) picture.end();
  }

  /** Deals with a sequence number that is not the next one; false when the packet is to be dropped. */
  #resume(header: RtpHeader): boolean {
    if (this.#expected < 0) {
      this.#picture.timestamp = header.timestamp;
      return true;
    }
    const ahead = sequenceDelta(this.#expected, header.sequenceNumber);
    if (ahead < 0 && ahead >= -MAX_MISORDER) {
      this.#stats.late++;
      return false;
    }
    // Far back means that the sender started over: how many packets that cost cannot be known.
    this.#stats.lost += Math.max(ahead, 1);
    const picture = this.#picture;
    picture.damage();
    if (header.timestamp !== picture.timestamp) {
      picture.end();
      picture.timestamp = header.timestamp;
      // What is missing may be the end of the one picture, the beginning of the other, or both.
      picture.damage();
    }
    return true;
  }
}
