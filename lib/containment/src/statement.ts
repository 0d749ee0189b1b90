/** nft statements (JSON of libnftables-json(5)) to what they can do to a packet. */
import { all, type Pred, type Statement, unknown, type Verdict } from './ir.ts';
import { isList, isObject, type Json, single, text } from './json.ts';
import { type FindSet, key, matchExpression } from './match.ts';

/** Elements of verdict maps; undefined: packets or time change them. */
export type FindMap = (name: string) => { elements: readonly Json[] | undefined } | undefined;

export interface StatementContext {
  sets: FindSet;
  maps: FindMap;
  /** Called with the name of what makes any proof impossible. */
  problem(what: string): void;
}

/** No influence on where the packet goes. */
const HARMLESS = new Set(['counter', 'log', 'comment', 'ct helper', 'ct timeout', 'ct expectation', 'last']);

/** Send the packet, a copy of it, or its flow another way than the rules say. */
const REDIRECTS = new Set([
  'dnat',
  'snat',
  'masquerade',
  'redirect',
  'tproxy',
  'queue',
  'fwd',
  'dup',
  'flow',
  'synproxy',
  'mangle',
  'secmark',
  'tunnel',
  'xt',
]); // prettier-ignore

const SIMPLE: Readonly<Record<string, 'accept' | 'drop' | 'return' | 'continue'>> = {
  accept: 'accept',
  drop: 'drop',
  return: 'return',
  continue: 'continue',
  // Its answer is a packet of ours and has to pass the output hook by itself.
  reject: 'drop',
};

function verdictOf(name: string, value: Json): Verdict | undefined {
  const simple = SIMPLE[name];
  if (simple) return { kind: simple };
  const target = isObject(value) ? text(value.target) : undefined;
  return (name === 'jump' || name === 'goto') && target !== undefined ? { kind: name, target } : undefined;
}

/** A rate limit: matches below the rate, or above it when inverted. */
function limit(value: Json): Pred {
  if (!isObject(value)) return unknown('named limit');
  return unknown('limit', value.inv !== true);
}

function vmap(value: Json, context: StatementContext): Statement {
  const data = isObject(value) ? value.data : undefined;
  const k = key(isObject(value) ? (value.key ?? null) : null);
  const name = text(data);
  const elements = name?.startsWith('@')
    ? context.maps(name.slice(1))?.elements
    : isObject(data) && isList(data.set)
      ? data.set
      : undefined;
  if (!elements) return { kind: 'anything', why: `verdict map ${name ?? ''}` };
  const arms: { pred: Pred; verdict: Verdict }[] = [];
  for (const element of elements) {
    const pair = isList(element) ? element : [];
    const given = single(pair[1]);
    const verdict = given ? verdictOf(given.key, given.value) : undefined;
    if (!verdict) {
      context.problem('verdict map with an element we do not know');
      return { kind: 'anything', why: 'verdict map element' };
    }
    arms.push({ pred: all(k.guard, k.is(pair[0] ?? null)), verdict });
  }
  return { kind: 'vmap', arms };
}

/** @returns undefined when the statement has no influence */
export function statement(json: Json, context: StatementContext): Statement | undefined {
  const s = single(json);
  if (!s) {
    context.problem('statement that is not an object with one key');
    return { kind: 'anything', why: 'statement' };
  }
  if (HARMLESS.has(s.key)) return undefined;
  const verdict = verdictOf(s.key, s.value);
  if (verdict) return { kind: 'verdict', verdict };
  switch (s.key) {
    case 'match':
      return {
        kind: 'match',
        pred: isObject(s.value) ? matchExpression(s.value, context.sets) : unknown('match'),
      };
    case 'vmap':
      return vmap(s.value, context);
    case 'limit':
      return { kind: 'match', pred: limit(s.value) };
    // A full set, or a statement inside that does not match, ends the rule here.
    case 'set':
    case 'map':
      return { kind: 'match', pred: unknown(`${s.key} statement`, true) };
    case 'meter':
    case 'quota':
    case 'ct count':
    case 'connlimit':
      return { kind: 'match', pred: unknown(s.key) };
    case 'notrack':
      return { kind: 'notrack' };
    default:
      context.problem(
        REDIRECTS.has(s.key) ? `${s.key}: can send packets elsewhere` : `unknown statement "${s.key}"`,
      );
      return { kind: 'anything', why: s.key };
  }
}
