/**
 * What a ruleset means to the prover: conditions on packet fields, and chains of statements.
 * Every engine and the concrete replay work on this form; nothing here knows JSON or nft.
 */

/**
 * The facts of one packet on its way, as unsigned integers. Order matters: it is the variable order of the decision
 * diagrams, coarse fields first and each address next to its port. `wire*` are the transport fields as a fragment shows
 * them before it is put together again; they count only when `frag` is set.
 */
export const VARIABLES = {
  /** 1: arrives in fragments. */
  frag: 1,
  /** 1: connection tracking, or somebody else, puts fragments together before routing. */
  joined: 1,
  /** Interface names, numbered by `Interfaces`; the widths are replaced by what that numbering needs. */
  iif: 16,
  oif: 16,
  /** NFPROTO_IPV4 = 2, NFPROTO_IPV6 = 10. */
  nfproto: 4,
  /** Connection tracking state bit: invalid 1, established 2, related 4, new 8, untracked 64; exactly one is set. */
  ct: 7,
  /** 1: the kernel found a transport protocol number. */
  l4ok: 1,
  l4proto: 8,
  /** Readable transport bytes: 0 to 3 as they are, 4 for 4 to 13, 5 for 14 and more. */
  thbytes: 3,
  /** 1: the packet has a local socket with an owner. */
  owned: 1,
  uid: 32,
  /** An IPv4 address stands in the first 32 bits. */
  saddr: 128,
  sport: 16,
  daddr: 128,
  dport: 16,
  /** TCP flags, byte 13. */
  flags: 8,
  wireL4ok: 1,
  wireL4proto: 8,
  wireThbytes: 3,
  wireSport: 16,
  wireDport: 16,
  wireFlags: 8,
} as const;

export type Variable = keyof typeof VARIABLES;

/** What a rule can ask about: some bits of a variable, most significant first. */
export interface FieldBits {
  variable: Variable;
  from: number;
  width: number;
}

const whole = (variable: Variable): FieldBits => ({ variable, from: 0, width: VARIABLES[variable] });

export const FIELDS = {
  frag: whole('frag'),
  nfproto: whole('nfproto'),
  ct: whole('ct'),
  l4ok: whole('l4ok'),
  l4proto: whole('l4proto'),
  thbytes: whole('thbytes'),
  owned: whole('owned'),
  uid: whole('uid'),
  saddr: { variable: 'saddr', from: 0, width: 32 },
  daddr: { variable: 'daddr', from: 0, width: 32 },
  saddr6: whole('saddr'),
  daddr6: whole('daddr'),
  sport: whole('sport'),
  dport: whole('dport'),
  icmpType: { variable: 'sport', from: 0, width: 8 },
  icmpCode: { variable: 'sport', from: 8, width: 8 },
  flags: whole('flags'),
} as const satisfies Record<string, FieldBits>;

export type Field = keyof typeof FIELDS;

/** A condition on one packet at one point of its way. */
export type Pred =
  | { kind: 'const'; value: boolean }
  | { kind: 'range'; field: Field; lo: bigint; hi: bigint }
  /** (field & mask) = value */
  | { kind: 'mask'; field: Field; mask: bigint; value: bigint }
  /** Interface name, or a prefix when `wildcard`. */
  | { kind: 'interface'; side: 'iif' | 'oif'; name: string; wildcard: boolean }
  | { kind: 'and' | 'or'; of: readonly Pred[] }
  | { kind: 'not'; of: Pred }
  /**
   * True or false, we cannot tell, and anew each time a packet passes. `nominal` is the outcome on a calm day
   * (rate limit not reached, set not full); only liveness may lean on it.
   */
  | { kind: 'unknown'; why: string; nominal?: boolean };

export type Verdict =
  | { kind: 'accept' }
  | { kind: 'drop' }
  | { kind: 'return' }
  | { kind: 'continue' }
  | { kind: 'jump'; target: string }
  | { kind: 'goto'; target: string };

export type Statement =
  | { kind: 'match'; pred: Pred }
  | { kind: 'verdict'; verdict: Verdict }
  /** Arms exclude each other; no arm taken means the rule does not match. */
  | { kind: 'vmap'; arms: readonly { pred: Pred; verdict: Verdict }[] }
  /** Ends connection tracking for the packet: harmless before tracking, not modelled after it. */
  | { kind: 'notrack' }
  /** Not understood: may accept, drop, or go on. */
  | { kind: 'anything'; why: string };

export interface Rule {
  handle: number;
  statements: readonly Statement[];
  /** The rule as a person would write it. */
  text: string;
}

export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';
export type Family = 'inet' | 'ip' | 'ip6';

export interface BaseChain {
  hook: Hook;
  priority: number;
  type: 'filter' | 'route' | 'nat';
  policy: 'accept' | 'drop';
}

export interface Chain {
  family: Family;
  table: string;
  name: string;
  /** `family table name`, unique. */
  key: string;
  base: BaseChain | undefined;
  rules: readonly Rule[];
}

export interface Ruleset {
  chains: ReadonlyMap<string, Chain>;
  /** False: it could not be read at all, so that nothing about it can be said. */
  readable: boolean;
  /** Why this ruleset cannot be proven whatever the rules say; each names its object. */
  problems: readonly string[];
  /** Filters off the inet paths (netdev, bridge, ingress): they can only take packets away. */
  otherFilters: readonly string[];
  nftVersion: string;
}

export const YES: Pred = { kind: 'const', value: true };
export const NO: Pred = { kind: 'const', value: false };

export const all = (...of: Pred[]): Pred => (of.length === 1 && of[0] ? of[0] : { kind: 'and', of });
export const any = (...of: Pred[]): Pred => (of.length === 1 && of[0] ? of[0] : { kind: 'or', of });
export const not = (of: Pred): Pred => ({ kind: 'not', of });
export const unknown = (why: string, nominal?: boolean): Pred =>
  nominal === undefined ? { kind: 'unknown', why } : { kind: 'unknown', why, nominal };

/** lo ≤ field ≤ hi; empty when lo > hi. */
export function range(field: Field, lo: bigint | number, hi: bigint | number = lo): Pred {
  const top = (1n << BigInt(FIELDS[field].width)) - 1n;
  const low = BigInt(lo);
  const high = BigInt(hi) > top ? top : BigInt(hi);
  if (low > high) return NO;
  return low <= 0n && high === top ? YES : { kind: 'range', field, lo: low < 0n ? 0n : low, hi: high };
}

/** (field & mask) = value; false when value has bits outside the mask or the field. */
export function masked(field: Field, mask: bigint, value: bigint): Pred {
  const top = (1n << BigInt(FIELDS[field].width)) - 1n;
  if ((value & ~mask) !== 0n || value > top) return NO;
  const inside = mask & top;
  return inside === 0n ? YES : { kind: 'mask', field, mask: inside, value };
}
