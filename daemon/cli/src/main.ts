import { systemClock } from '@opennvr/service';
import { CONTAINMENT_USAGE } from './containment/arguments.ts';
import { DEMO_USAGE, parseDemoArguments } from './demo/arguments.ts';
import { runDemo } from './demo/demo.ts';
import { CliError, EXIT } from './exit.ts';
import { FRAMES_USAGE, framesCommand } from './frames.ts';
import { VERSION } from './version.ts';

const USAGE = `opennvr ${VERSION}

  opennvr demo          two simulated cameras, recorded and looked at; every frame is counted
  opennvr frames        read a frame out of the frame store
  opennvr containment   prove that cameras are contained, keep it so; what they tried
  opennvr version
  opennvr help

${DEMO_USAGE}

${FRAMES_USAGE}

${CONTAINMENT_USAGE}

Exit status elsewhere: 0 done, 1 the demo lost or missed something, 2 wrong usage, 3 something needed is missing
or not answering, 4 no such frame, 130 interrupted twice.
`;

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...args]: string[]): Promise<number> {
  try {
    switch (command) {
      case 'demo':
        return args.includes('--help') ? print(`${DEMO_USAGE}\n`) : await demo(args);
      case 'frames':
        return args.includes('--help') ? print(`${FRAMES_USAGE}\n`) : print(`${await framesCommand(args)}\n`);
      case 'containment':
        return await containment(args);
      case 'version':
      case '--version':
        return print(`${VERSION}\n`);
      case 'help':
      case '--help':
        return print(USAGE);
      default:
        process.stderr.write(
          command === undefined ? USAGE : `opennvr: unknown command "${command}"\n\n${USAGE}`,
        );
        return EXIT.usage;
    }
  } catch (error) {
    if (!(error instanceof CliError) && !isFileProblem(error)) throw error;
    process.stderr.write(`opennvr: ${error.message}\n`);
    return error instanceof CliError ? error.status : EXIT.unavailable;
  }
}

/** A folder that may not be written, a full disk: Node's message names both, and a stack helps nobody. */
function isFileProblem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'path' in error;
}

async function demo(args: string[]): Promise<number> {
  const options = parseDemoArguments(args);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(EXIT.interrupted);
      process.stderr.write(`\nEnding on ${signal}; once more to end at once.\n`);
      stop.abort();
    });
  }
  // systemClock's timers do not keep a process alive; waiting for one's children does not either once they are gone.
  const anchor = setInterval(() => undefined, 1 << 30);
  try {
    const failure = await runDemo(options, { clock: systemClock, out: process.stdout, signal: stop.signal });
    print(failure === undefined ? 'Nothing was lost.\n' : `Failed: ${failure}\n`);
    return failure === undefined ? EXIT.ok : EXIT.failed;
  } finally {
    clearInterval(anchor);
  }
}

/** The prover is loaded for those alone who ask for it. */
async function containment(args: string[]): Promise<number> {
  const { containmentCommand } = await import('./containment/command.ts');
  const { text, status } = await containmentCommand(args, systemClock.now());
  if (text !== '') print(`${text}\n`);
  return status;
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}
