/** One parser under attack. */
export interface FuzzTarget {
  name: string;
  /** Valid inputs, or nearly so, to start from. */
  seeds: readonly Buffer[];
  /** Byte strings that mean something to the parser; put into inputs now and then. */
  dictionary?: readonly Buffer[];
  /**
   * Parses `input`. Returns a few words on what happened: an input that brings out new ones is kept to mutate further.
   *
   * @throws anything, when the parser broke its promise.
   */
  run(input: Buffer): string;
}

/** Texts as inputs or dictionary words. */
export function words(...texts: readonly string[]): Buffer[] {
  return texts.map((text) => Buffer.from(text));
}
