import {
  type AccessUnit,
  AccessUnitAssembler,
  RtspSource,
  type RtspSourceOptions,
  type RtspSourceState,
  readFrameNumber,
  type Track,
  type VideoCodec,
} from '../../src/index.ts';
import { realClock } from './clock.ts';

/** Plays a camera with our client and keeps note of all it is told. */
export class Recorder {
  readonly states: RtspSourceState[] = [];
  readonly units: AccessUnit[] = [];
  tracks: readonly Track[] = [];
  packets = 0;
  /** Sequence numbers of the packets of a session's first track. */
  readonly sequence: number[] = [];
  readonly source: RtspSource;
  #assemblers = new Map<number, AccessUnitAssembler>();

  constructor(options: Partial<RtspSourceOptions> & { url: string }) {
    this.source = new RtspSource(
      { transport: 'auto', clock: realClock, random: Math.random, ...options },
      {
        onTracks: (tracks) => this.#onTracks(tracks),
        onPacket: (track, buf, start, end) => {
          this.packets++;
          if (track === this.tracks[0] && this.sequence.length < 1000) {
            this.sequence.push(buf.readUInt16BE(start + 2));
          }
          this.#assemblers.get(track.index)?.push(buf, start, end);
        },
        onState: (state) => this.states.push(state),
      },
    );
    this.source.start();
  }

  get last(): RtspSourceState | undefined {
    return this.states.at(-1);
  }

  get failure(): RtspSourceState | undefined {
    return this.states.find((state) => state.name === 'failed');
  }

  /** Frame numbers in the order they came. */
  get numbers(): (number | undefined)[] {
    return this.units.map((unit) => readFrameNumber(unit.codec, unit.nalUnits));
  }

  #onTracks(tracks: readonly Track[]): void {
    this.tracks = tracks;
    this.#assemblers = new Map(
      tracks
        .filter((track) => track.kind === 'video')
        .map((track) => [
          track.index,
          new AccessUnitAssembler({
            codec: track.codec as VideoCodec,
            mode: 'all',
            parameterSets: track.parameterSets,
            onAccessUnit: (unit) => this.units.push(unit),
          }),
        ]),
    );
  }
}

/** True when each number is one more than the one before. */
export function inSequence(numbers: readonly (number | undefined)[]): boolean {
  return numbers.every((n, i) => n !== undefined && (i === 0 || n === (numbers[i - 1] ?? 0) + 1));
}
