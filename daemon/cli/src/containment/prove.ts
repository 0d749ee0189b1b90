/** Gathers what the prover needs from this machine, and asks it. */
import { existsSync } from 'node:fs';
import {
  type Certificate,
  checkHost,
  ENGINE,
  type HostCertificate,
  type Ids,
  type Policy,
  PolicyError,
  parsePolicy,
  policyOf,
  prove,
} from '@opennvr/containment';
import { z } from 'zod';
import { usageError } from './arguments.ts';
import { collectHostFacts } from './host-facts.ts';
import { OutsideError, outputOf, textOf } from './outside.ts';

/** Where the manager keeps this box's policy; absent before set-up. */
const POLICY = '/var/lib/opennvr/network/policy.json';
const IDS = '/etc/opennvr/ids.json';

const idsSchema = z.object({
  users: z.object({ media: z.int(), cameralan: z.int(), 'systemd-network': z.int(), chrony: z.int() }),
  ports: z.object({ https: z.int(), grpc: z.int(), ice: z.int(), rtsp: z.int(), discovery: z.int() }),
});

export interface ProveOptions {
  ruleset?: string | undefined;
  policy?: string | undefined;
  host?: boolean | undefined;
}

/** The certificate; with `host`, its verdict is the worse of the two. */
export type Proof = Certificate & { host?: HostCertificate };

/**
 * @param now wall clock, ms since the epoch
 * @throws CliError when a file named on the command line cannot be read, or is no policy
 */
export async function proveBox(options: ProveOptions, now: number): Promise<Proof> {
  const policy = await policyFor(options.policy);
  if (policy instanceof OutsideError) return unknown(policy.message, now);
  const certificate = await proveRules(options.ruleset, policy, now);
  if (!options.host) return certificate;
  const host = checkHost(await collectHostFacts(policy), policy);
  const verdicts = [certificate.verdict, host.verdict];
  const verdict = (['disproved', 'unknown'] as const).find((v) => verdicts.includes(v)) ?? 'proven';
  return { ...certificate, verdict, host };
}

async function proveRules(file: string | undefined, policy: Policy, now: number): Promise<Certificate> {
  if (file !== undefined) {
    return prove({ ruleset: await named(file, 'ruleset'), policy, time: now });
  }
  try {
    const ruleset = await outputOf('nft', ['-j', '-n', 'list', 'ruleset']);
    return prove({ ruleset, policy, time: now });
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    // No listing is no proof; the hashes of nothing would only look like some.
    const nothing = prove({ ruleset: '', policy, time: now });
    return { ...nothing, ruleset: '', problems: [error.message] };
  }
}

/** A policy, or why this machine has none. */
async function policyFor(file: string | undefined): Promise<Policy | OutsideError> {
  const path = file ?? (existsSync(POLICY) ? POLICY : undefined);
  try {
    if (path !== undefined) return parsePolicy(await named(path, 'policy'));
    const ids: Ids = idsSchema.parse(JSON.parse(await textOf(IDS)));
    return policyOf(
      {
        phase: 'setup',
        cameraSubnet: '10.0.0.0/24',
        cameraAddress: '10.0.0.1',
        cameras: [],
        ntpServers: [],
      },
      ids,
    );
  } catch (error) {
    if (error instanceof PolicyError && file !== undefined) throw usageError(`${file}: ${error.message}`);
    if (error instanceof OutsideError || error instanceof PolicyError) {
      return new OutsideError(`no policy: ${error.message}; name one with --policy`);
    }
    if (error instanceof SyntaxError || error instanceof z.ZodError) {
      return new OutsideError(`no policy: ${IDS} is damaged`);
    }
    throw error;
  }
}

/** @throws CliError */
async function named(file: string, what: string): Promise<string> {
  try {
    return await textOf(file);
  } catch (error) {
    if (error instanceof OutsideError) throw usageError(`--${what}: ${error.message}`);
    throw error;
  }
}

/** No proof, for want of anything to prove. */
export const unknown = (problem: string, time: number): Certificate => ({
  engine: ENGINE,
  time,
  verdict: 'unknown',
  ruleset: '',
  policy: '',
  nftVersion: '',
  phase: '',
  properties: [],
  problems: [problem],
});
