/** `opennvr containment watch`: the guard, tied to this machine's kernel. */
import { spawn } from 'node:child_process';
import { rename, writeFile } from 'node:fs/promises';
import { type ProcessContext, run } from '@opennvr/service';
import { CliError } from '../exit.ts';
import { Guard, type Guarded } from './guard.ts';
import { outputOf } from './outside.ts';
import { type Proof, proveBox, unknown } from './prove.ts';

export interface WatchOptions {
  policy?: string | undefined;
  host?: boolean | undefined;
  /** The link that is up behind a proof alone; without it none is touched. */
  raise?: string | undefined;
  /** The ruleset to load when the kernel's is not proven, and where its includes are. */
  rules?: string | undefined;
  include?: string[] | undefined;
  /** Where the newest certificate goes. */
  certificate?: string | undefined;
}

const RULES = '/etc/opennvr/firewall.nft';
const INCLUDES = ['/var/lib/opennvr/network', '/etc/opennvr/setup'];
/** Changes come in bursts: one proof for each burst. */
const SETTLE_MS = 100;
/** For changes that the kernel dropped for want of room, or that came before it told us of any. */
const FIRST_AGAIN_MS = 1000;
const AGAIN_MS = 10_000;

const MONITORS: readonly (readonly [string, ...string[]])[] = [
  ['nft', 'monitor'],
  ['ip', 'monitor', 'link', 'address', 'route', 'rule'],
];

/** Runs until a signal, and takes the link down at its end; ends with 1 when it can no longer see changes. */
export async function watch(options: WatchOptions): Promise<void> {
  await run('opennvr-containment', async (context) => {
    const { log, clock, onStop } = context;
    const guard = new Guard(guarded(options, context));
    onStop(() => guard.shut());
    const blind = (why: string) => {
      log.fatal(why);
      void guard.shut().finally(() => process.exit(1));
    };
    let waiting = false;
    const changed = () => {
      if (waiting) return;
      waiting = true;
      clock.after(SETTLE_MS, () => {
        waiting = false;
        void guard.check();
      });
    };
    for (const command of MONITORS) onStop(follow(command, changed, blind));
    const again = (ms: number): void => {
      clock.after(ms, () => {
        void guard.check().then(() => again(AGAIN_MS));
      });
    };
    await guard.check();
    again(FIRST_AGAIN_MS);
    return 'watching the packet filter';
  });
}

/** @returns stops it */
function follow(
  [program, ...args]: readonly [string, ...string[]],
  changed: () => void,
  blind: (why: string) => void,
): () => void {
  let stopped = false;
  const ended = (why: string) => {
    if (!stopped) blind(`${program} monitor ${why}: changes would not be seen`);
    stopped = true;
  };
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  child.stdout.on('data', changed);
  child.on('error', (error) => ended(error.message));
  child.on('exit', () => ended('ended'));
  return () => {
    stopped = true;
    child.kill();
  };
}

function guarded(options: WatchOptions, { log, clock }: ProcessContext): Guarded {
  const { raise, certificate, rules = RULES, include = INCLUDES } = options;
  return {
    async prove(): Promise<Proof> {
      try {
        return await proveBox({ policy: options.policy, host: options.host }, clock.now());
      } catch (error) {
        if (!(error instanceof CliError)) log.error({ err: error }, 'the proof failed');
        const [said = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
        return unknown(said, clock.now());
      }
    },
    async reload() {
      await outputOf('nft', [...include.flatMap((folder) => ['-I', folder]), '-f', rules]);
      log.warn('loaded the shipped packet filter again');
    },
    setLink:
      raise === undefined
        ? undefined
        : async (up) => {
            await outputOf('ip', ['link', 'set', 'dev', raise, up ? 'up' : 'down']);
          },
    async publish(proof) {
      if (certificate === undefined) return;
      await writeFile(`${certificate}.new`, `${JSON.stringify(proof)}\n`);
      await rename(`${certificate}.new`, certificate);
    },
    tell: (level, message) => log[level](message),
  };
}
