/** `nft -j -n list ruleset` (nft 1.0.6 to 1.1.x) to chains of statements. Never throws, whatever it is given. */
import type { BaseChain, Chain, Family, Hook, Rule, Ruleset, Statement } from './ir.ts';
import { count, isList, isObject, type Json, type JsonObject, parseJson, text } from './json.ts';
import { statement } from './statement.ts';
import { ruleText } from './words.ts';

/** More than this is not a ruleset of an appliance. */
export const RULESET_LIMITS = { characters: 64 * 1024 * 1024, objects: 200_000 } as const;

const HOOKS: ReadonlySet<string> = new Set(['prerouting', 'input', 'forward', 'output', 'postrouting']);
const INET: ReadonlySet<string> = new Set(['inet', 'ip', 'ip6']);
/** Objects that hold numbers or settings rules refer to, and move no packet. */
const PASSIVE = new Set([
  'counter',
  'quota',
  'limit',
  'metainfo',
  'ct helper',
  'ct timeout',
  'ct expectation',
]);

interface Draft {
  chains: Map<string, { chain: Chain; rules: Rule[] }>;
  problems: Set<string>;
  otherFilters: Set<string>;
}

const keyOf = (o: JsonObject, name: Json | undefined): string =>
  `${text(o.family) ?? '?'} ${text(o.table) ?? '?'} ${text(name) ?? '?'}`;

/** Sets that packets or time can change: what they hold now is not what they hold when the packet comes. */
function changeable(set: JsonObject): boolean {
  const flags = isList(set.flags) ? set.flags : [set.flags];
  if (set.timeout !== undefined || flags.includes('dynamic') || flags.includes('timeout')) return true;
  const elements = isList(set.elem) ? set.elem : [];
  return elements.some((e) => {
    const wrapped = isObject(e) ? e.elem : isList(e) && isObject(e[0]) ? e[0].elem : undefined;
    return isObject(wrapped) && (wrapped.timeout !== undefined || wrapped.expires !== undefined);
  });
}

/** Names of sets that rules of this table write to, wherever in the rule that stands. */
function writtenSets(json: Json, family: string, into: Set<string>): void {
  if (isList(json)) for (const item of json) writtenSets(item, family, into);
  if (!isObject(json)) return;
  for (const [name, inner] of Object.entries(json)) {
    if ((name === 'set' || name === 'map') && isObject(inner) && inner.op !== undefined) {
      const target = text(inner.set) ?? text(inner.map);
      into.add(`${family} ${target?.slice(1) ?? '?'}`);
    }
    writtenSets(inner, family, into);
  }
}

function baseOf(o: JsonObject): BaseChain | undefined | string {
  const hook = text(o.hook);
  if (hook === undefined) return undefined;
  const type = text(o.type) ?? '?';
  const policy = text(o.policy) ?? 'accept';
  if (!HOOKS.has(hook)) return `hook ${hook}`;
  if (type !== 'filter' && type !== 'route' && type !== 'nat') return `chain type ${type}`;
  if (policy !== 'accept' && policy !== 'drop') return `policy ${policy}`;
  if (typeof o.prio !== 'number') return 'chain priority that is not a number';
  return { hook: hook as Hook, priority: o.prio, type, policy };
}

function addChain(o: JsonObject, draft: Draft): void {
  const family = text(o.family) ?? '?';
  const key = keyOf(o, o.name);
  if (!INET.has(family) || o.hook === 'ingress' || o.hook === 'egress') {
    if (o.hook !== undefined) draft.otherFilters.add(key);
    if (!INET.has(family)) return;
  }
  const base = o.hook === 'ingress' || o.hook === 'egress' ? undefined : baseOf(o);
  if (typeof base === 'string') {
    draft.problems.add(`chain ${key}: ${base} not understood`);
    return;
  }
  const rules: Rule[] = [];
  const chain: Chain = {
    family: family as Family,
    table: text(o.table) ?? '?',
    name: text(o.name) ?? '?',
    key,
    base,
    rules,
  };
  if (draft.chains.has(key)) draft.problems.add(`chain ${key} listed twice`);
  draft.chains.set(key, { chain, rules });
}

const empty = (problem: string): Ruleset => ({
  chains: new Map(),
  readable: false,
  problems: [problem],
  otherFilters: [],
  nftVersion: '',
});

/** @param source the text `nft -j -n list ruleset` printed; anything wrong with it is in `problems` */
export function parseRuleset(source: string): Ruleset {
  const parsed = parseJson(source, RULESET_LIMITS.characters);
  if ('error' in parsed) return empty(`ruleset: ${parsed.error}`);
  const list = isObject(parsed.value) ? parsed.value.nftables : undefined;
  if (!isList(list)) return empty('ruleset: no "nftables" list');
  if (list.length > RULESET_LIMITS.objects)
    return empty(`ruleset: more than ${RULESET_LIMITS.objects} objects`);

  const draft: Draft = { chains: new Map(), problems: new Set(), otherFilters: new Set() };
  const sets = new Map<string, JsonObject>();
  const maps = new Map<string, JsonObject>();
  const rules: JsonObject[] = [];
  const written = new Set<string>();
  let nftVersion = '';
  for (const item of list) {
    for (const [kind, o] of isObject(item) ? Object.entries(item) : [['?', null] as const]) {
      if (!isObject(o)) {
        draft.problems.add(`object "${kind}" not understood`);
      } else if (kind === 'metainfo') {
        nftVersion = text(o.version) ?? '';
        if (o.json_schema_version !== 1) draft.problems.add('JSON schema version is not 1');
      } else if (kind === 'table') {
        // nft 1.0.6 prints "dormant" as "dorm": any flag at all is too much.
        if (o.flags !== undefined) draft.problems.add(`table ${text(o.family)} ${text(o.name)} has flags`);
      } else if (kind === 'chain') {
        addChain(o, draft);
      } else if (kind === 'rule') {
        rules.push(o);
        writtenSets(o.expr ?? null, keyOf(o, '').trimEnd(), written);
      } else if (kind === 'set') {
        sets.set(keyOf(o, o.name), o);
      } else if (kind === 'map') {
        maps.set(keyOf(o, o.name), o);
      } else if (!PASSIVE.has(kind)) {
        draft.problems.add(`object "${kind}" not understood`);
      }
    }
  }
  const elements = (from: Map<string, JsonObject>, scope: string) => (name: string) => {
    const found = from.get(`${scope} ${name}`);
    if (!found) return undefined;
    const fixed = !changeable(found) && !written.has(`${scope} ${name}`);
    return { elements: fixed ? (isList(found.elem) ? found.elem : []) : undefined };
  };
  for (const o of rules) addRule(o, draft, elements);
  checkTargets(draft);
  if (draft.chains.size === 0) draft.problems.add('ruleset: no chain at all');
  return {
    chains: new Map([...draft.chains].map(([key, d]) => [key, d.chain])),
    readable: true,
    problems: [...draft.problems],
    otherFilters: [...draft.otherFilters],
    nftVersion,
  };

  function addRule(o: JsonObject, into: Draft, find: typeof elements): void {
    const scope = keyOf(o, '').trimEnd();
    const key = keyOf(o, o.chain);
    const handle = count(o.handle) ?? 0;
    const context = {
      sets: find(sets, scope),
      maps: find(maps, scope),
      problem: (what: string) => into.problems.add(`rule ${handle} in ${key}: ${what}`),
    };
    const expressions = isList(o.expr) ? o.expr : undefined;
    if (!expressions) context.problem('no expressions');
    const statements = (expressions ?? []).flatMap((e): readonly Statement[] => {
      const read = statement(e, context);
      return read ? [read] : [];
    });
    const home = into.chains.get(key);
    if (home) home.rules.push({ handle, statements, text: ruleText(expressions ?? []) });
    else if (INET.has(text(o.family) ?? '?')) context.problem('its chain is not listed');
  }
}

/** Every jump leads to a chain of its own table. */
function checkTargets(draft: Draft): void {
  for (const { chain, rules } of draft.chains.values()) {
    for (const rule of rules) {
      for (const s of rule.statements) {
        const verdicts =
          s.kind === 'verdict' ? [s.verdict] : s.kind === 'vmap' ? s.arms.map((a) => a.verdict) : [];
        for (const v of verdicts) {
          if (!('target' in v)) continue;
          if (!draft.chains.has(`${chain.family} ${chain.table} ${v.target}`)) {
            draft.problems.add(`rule ${rule.handle} in ${chain.key}: jumps to a chain that is not listed`);
          }
        }
      }
    }
  }
}
