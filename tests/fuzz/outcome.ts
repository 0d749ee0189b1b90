/** A promise that was broken. */
export class BrokenPromise extends Error {
  override name = 'BrokenPromise';
}

export function promise(kept: boolean, what: string): void {
  if (!kept) throw new BrokenPromise(what);
}

/** How an answer begins that says the parser refused the input, as it may. */
export const REFUSED = 'refused: ';

/** Calls a parser and answers with `describe` of its result, or with its error, when it is one it may throw. */
export type Outcome = <T>(parse: () => T, describe: (result: T) => string) => string;

/** @param allowed the one error the parser may throw; `code` stands in the answer where it has one. */
export function outcomeOf(allowed: abstract new (...args: never[]) => Error): Outcome {
  return (parse, describe) => {
    let result: ReturnType<typeof parse>;
    try {
      result = parse();
    } catch (error) {
      if (!(error instanceof allowed)) throw error;
      const code = 'code' in error ? `${String(error.code)} ` : '';
      // Numbers differ from input to input and are nothing new.
      return `${REFUSED}${code}${error.message.slice(0, 200).replaceAll(/\d+/g, 'n')}`;
    }
    return describe(result);
  };
}

/** A count's order of magnitude: what is new about 1000 packets is not that there were not 999. */
export function magnitude(count: number): number {
  return Math.ceil(Math.log2(count + 1));
}
