import { RtspError } from '../src/types.ts';

/** What a parser that may throw an RtspError, and nothing else, answers: `describe` of its result, or the error. */
export function outcome<T>(parse: () => T, describe: (result: T) => string): string {
  let result: T;
  try {
    result = parse();
  } catch (error) {
    if (!(error instanceof RtspError)) throw error;
    // Numbers differ from input to input and are nothing new.
    return `${error.code} ${error.message.replaceAll(/\d+/g, 'n')}`;
  }
  return describe(result);
}

/** A promise that was broken. */
export class BrokenPromise extends Error {
  override name = 'BrokenPromise';
}

export function promise(kept: boolean, what: string): void {
  if (!kept) throw new BrokenPromise(what);
}

/** A count's order of magnitude: what is new about 1000 packets is not that there were not 999. */
export function magnitude(count: number): number {
  return Math.ceil(Math.log2(count + 1));
}
