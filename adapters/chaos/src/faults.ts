import { answersLate, crashesAtFrame, hangs, holdsFrames, refusesToStop } from './answers.ts';
import { forksWithoutEnd, leaksMemory, spinsAllCores } from './machine.ts';
import {
  breaksSchema,
  changesFingerprint,
  closesUnderLoad,
  floodsStream,
  sendsGarbage,
  sendsGigabyte,
} from './wire.ts';

/** Where a fault happens. */
export interface Place {
  /** The unix socket to serve. */
  socketPath: string;
  /** The read-only view of frames, where there is one. */
  framesDir: string | undefined;
}

/** One way to misbehave. */
export interface Fault {
  /** In one clause, for people. */
  what: string;
  start(place: Place): Promise<void> | void;
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  'crash-at-start': { what: 'ends before it serves anything', start: () => process.exit(1) },
  'crash-midway': { what: 'dies while it looks at the third frame', start: crashesAtFrame(3) },
  'crash-loop': { what: 'dies at every frame', start: crashesAtFrame(1) },
  hang: { what: 'never answers', start: hangs },
  late: { what: 'answers when nobody waits any more', start: answersLate },
  garbage: { what: 'sends random bytes', start: sendsGarbage },
  'bad-schema': { what: 'answers with boxes and confidences that cannot be', start: breaksSchema },
  gigabyte: { what: 'answers with a gigabyte', start: sendsGigabyte },
  leak: { what: 'takes memory up to its limit', start: leaksMemory },
  forks: { what: 'starts processes without end', start: forksWithoutEnd },
  spin: { what: 'keeps every core busy', start: spinsAllCores },
  'stream-flood': { what: 'floods its stream with credits and outcomes', start: floodsStream },
  liar: { what: 'names another model each time it is asked', start: changesFingerprint },
  'closes-socket': { what: 'closes its socket under load', start: closesUnderLoad },
  'refuses-stop': { what: 'ignores SIGTERM', start: refusesToStop },
  hoarder: { what: 'holds every frame that it sees', start: holdsFrames },
};

export function faultNames(): string[] {
  return Object.keys(FAULTS);
}
