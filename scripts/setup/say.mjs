// How setup and test talk to people: one line a step, on standard error.

/** One line of progress. */
export function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

/** Ends the program with a sentence that says what to do. */
export function give(text) {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(1);
}
