import {
  type AccessUnit,
  AccessUnitAssembler,
  isSliceType,
  nalType,
  RtpHeader,
  readRtpHeader,
  type Track,
} from '@opennvr/rtsp';
import type { Clock } from '@opennvr/service';
import { AacDepacketizer, type AacFrame } from './aac.ts';
import type { Block } from './recorder/format.ts';
import { Timeline } from './timeline.ts';
import { isVideo } from './tracks.ts';

export interface DemuxerHandler {
  onVideo(unit: AccessUnit, block: Block): void;
  onAudio(block: Block): void;
}

const START_CODE = Buffer.from([0, 0, 0, 1]);

/** RTP packets of one RTSP session in, access units and audio with their times out. */
export class Demuxer {
  readonly #handlers = new Map<number, (buf: Buffer, start: number, end: number) => void>();

  constructor(tracks: readonly Track[], clock: Clock, handler: DemuxerHandler) {
    const origin = clock.monotonic();
    for (const track of tracks) {
      const timeline = new Timeline(track.clockRate, origin);
      const time = (rtpTimestamp: number) => ({
        time: timeline.at(rtpTimestamp, clock.monotonic()),
        arrived: clock.now(),
      });
      if (isVideo(track)) {
        const assembler = new AccessUnitAssembler({
          codec: track.codec,
          mode: 'all',
          parameterSets: track.parameterSets,
          onAccessUnit: (unit) => {
            // Loss may leave nothing but an SEI, which is no picture.
            if (!unit.nalUnits.some((nal) => isSliceType(unit.codec, nalType(unit.codec, nal)))) return;
            const data = Buffer.concat(unit.nalUnits.flatMap((nal) => [START_CODE, nal]));
            handler.onVideo(unit, {
              track: 'video',
              ...time(unit.rtpTimestamp),
              keyframe: unit.keyframe,
              data,
            });
          },
        });
        this.#handlers.set(track.index, (buf, start, end) => assembler.push(buf, start, end));
      } else {
        const frames = audioFrames(track);
        const header = new RtpHeader();
        this.#handlers.set(track.index, (buf, start, end) => {
          if (!readRtpHeader(buf, start, end, header)) return;
          for (const frame of frames(buf.subarray(header.payloadStart, header.payloadEnd), header.timestamp))
            handler.onAudio({
              track: 'audio',
              ...time(frame.rtpTimestamp),
              keyframe: true,
              data: frame.data,
            });
        });
      }
    }
  }

  push(track: Track, buf: Buffer, start: number, end: number): void {
    this.#handlers.get(track.index)?.(buf, start, end);
  }
}

function audioFrames(track: Track): (payload: Buffer, rtpTimestamp: number) => AacFrame[] {
  if (track.codec === 'aac') {
    const aac = new AacDepacketizer(track.fmtp);
    return (payload, rtpTimestamp) => aac.push(payload, rtpTimestamp);
  }
  // G.711 (RFC 3551 section 4.5.14) and Opus (RFC 7587) are their payload.
  return (payload, rtpTimestamp) =>
    payload.length > 0 ? [{ data: Buffer.from(payload), rtpTimestamp }] : [];
}
