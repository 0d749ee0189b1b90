import { CONTAINMENT_USAGE, optionsOf, STATUS, usageError } from './arguments.ts';
import { attemptsInWords, readAttempts } from './attempts.ts';
import { OutsideError, outputOf } from './outside.ts';
import { proveBox } from './prove.ts';
import { type WatchOptions, watch } from './watch.ts';
import { proofInWords } from './words.ts';

/** What a verb prints, and the status to end with. */
export interface Answer {
  text: string;
  status: number;
}

/**
 * `opennvr containment …`.
 * @param now wall clock, ms since the epoch
 * @throws CliError for wrong usage
 */
export async function containmentCommand([verb, ...args]: string[], now: number): Promise<Answer> {
  switch (verb) {
    case 'prove':
      return prove(args, now);
    case 'attempts':
      return attempts(args, now);
    case 'watch':
      await watch(watchOptions(args));
      return { text: '', status: Number(process.exitCode ?? 0) };
    case '--help':
      return { text: CONTAINMENT_USAGE, status: 0 };
    default:
      throw usageError(verb === undefined ? 'expected a verb' : `there is no "${verb}"`);
  }
}

async function prove(args: string[], now: number): Promise<Answer> {
  const options = optionsOf(args, {
    ruleset: { type: 'string' },
    policy: { type: 'string' },
    host: { type: 'boolean' },
    json: { type: 'boolean' },
  });
  const proof = await proveBox(options, now);
  return {
    text: options.json ? JSON.stringify(proof) : proofInWords(proof),
    status: STATUS[proof.verdict],
  };
}

function watchOptions(args: string[]): WatchOptions {
  return optionsOf(args, {
    policy: { type: 'string' },
    host: { type: 'boolean' },
    raise: { type: 'string' },
    rules: { type: 'string' },
    include: { type: 'string', multiple: true },
    certificate: { type: 'string' },
  });
}

async function attempts(args: string[], now: number): Promise<Answer> {
  const { json } = optionsOf(args, { json: { type: 'boolean' } });
  try {
    const found = readAttempts(await outputOf('nft', ['-j', '-n', 'list', 'table', 'inet', 'opennvr']), now);
    return { text: json ? JSON.stringify(found) : attemptsInWords(found, now), status: 0 };
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    const said = { error: error.message };
    return { text: json ? JSON.stringify(said) : `Not known: ${error.message}`, status: STATUS.unknown };
  }
}
