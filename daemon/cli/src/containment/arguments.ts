import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CliError } from '../exit.ts';

/** Exit statuses of `opennvr containment`; documented in docs/operate/containment.md. */
export const STATUS = { proven: 0, disproved: 1, unknown: 2, usage: 64 } as const;

export const CONTAINMENT_USAGE = `usage: opennvr containment prove [--ruleset FILE|-] [--policy FILE] [--host] [--json]
       opennvr containment attempts [--json]
       opennvr containment watch [--raise LINK] [--policy FILE] [--host] [--rules FILE [--include FOLDER]…]
                                 [--certificate FILE]

  prove       are cameras contained by the packet filter that the kernel has loaded now?
    --ruleset FILE   what "nft -j -n list ruleset" printed, instead of asking the kernel; - is standard input
    --policy FILE    what has to hold; without it the appliance's, and before set-up the one for that phase
    --host           look at the machine around the rules too: routes, forwarding, other programs (needs root)
  attempts    what cameras tried and were refused, the latest first
    --json           for programs; "prove" prints its certificate
  watch       proves again on every change; loads the shipped rules again when the kernel's are not proven
    --raise LINK     up behind a proof alone, down without one and when the watch ends
    --rules FILE     the shipped rules, --include where their defines are
    --certificate FILE   where the newest certificate goes

Exit status: 0 proven (or printed), 1 disproved, 2 not known, 64 wrong usage.`;

/** Ends the program with the usage and status 64. */
export const usageError = (problem: string): CliError =>
  new CliError(STATUS.usage, `containment: ${problem}\n\n${CONTAINMENT_USAGE}`);

/** @throws CliError for options that are not there, or anything that is no option */
export function optionsOf<T extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: false }).values;
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error));
  }
}
