/** Waits for a condition with a generous limit, and says which one it was when the limit is reached. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string | (() => string),
  limitMs = 25_000,
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    if (performance.now() > deadline)
      throw new Error(`after ${limitMs} ms still not: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
