/** Random rulesets: inet, ip and ip6 tables, all hooks, jumps, sets, maps, masks, limits, and things we do not model. */
import { PORT_RANGES, PORTS, PROTOCOLS, UIDS, V4, V4_NETS, V4_RANGES, V6, V6_NETS } from './pools.ts';
import type { Dice } from './random.ts';

interface Table {
  family: 'inet' | 'ip' | 'ip6';
  sets: string[];
  /** Named sets by element type. */
  named: Map<string, string[]>;
}

type Network = 'any' | 'ip' | 'ip6';
type Transport = 'any' | 'tcp' | 'udp' | 'icmp' | 'icmpv6';

const braces = (items: readonly (string | number)[]): string => `{ ${items.join(', ')} }`;
const NAMES = ['"camera0"', '"trusted0"', '"usb0"', '"cam*"', '"t*"', '"other0"'];
const STATES = ['new', 'established', 'related', 'invalid', 'untracked'];
const FLAGS = ['syn', 'ack', 'fin', 'rst', 'psh'];

/** `key value`, negated now and then, as one value, a range, or a set. */
function lookup(
  d: Dice,
  key: string,
  values: readonly (string | number)[],
  ranges: readonly string[],
): string {
  const not = d.chance(0.25) ? '!= ' : '';
  if (d.chance(0.35)) return `${key} ${not}${braces(d.some(values, 4))}`;
  if (ranges.length > 0 && d.chance(0.4)) return `${key} ${not}${d.pick(ranges)}`;
  return `${key} ${not}${d.pick(values)}`;
}

function address(d: Dice, network: 'ip' | 'ip6', side: 'saddr' | 'daddr'): string {
  const key = `${network} ${side}`;
  if (network === 'ip' && d.chance(0.1))
    return `${key} & ${d.pick(['0.0.0.255 == 0.0.0.1', '255.0.255.0 == 10.0.0.0', '0.0.0.1 != 0.0.0.0'])}`;
  return network === 'ip' ? lookup(d, key, V4, [...V4_NETS, ...V4_RANGES]) : lookup(d, key, V6, V6_NETS);
}

function transportMatch(d: Dice, transport: Transport): string {
  if (transport === 'icmp')
    return d.chance(0.5) ? lookup(d, 'icmp type', [0, 3, 8, 13], ['3-8']) : 'icmp code 0';
  if (transport === 'icmpv6') return lookup(d, 'icmpv6 type', [1, 128, 129, 135], ['128-135']);
  if (transport === 'tcp' && d.chance(0.25)) {
    return d.pick([
      'tcp flags syn',
      'tcp flags & (syn|ack) == syn',
      'tcp flags ! fin',
      `tcp flags ${d.pick(FLAGS)},${d.pick(FLAGS)}`,
      'tcp flags & (fin|rst) != 0',
    ]);
  }
  const base = transport === 'any' ? 'th' : transport;
  const key = `${base} ${d.pick(['sport', 'dport'])}`;
  return d.chance(0.1)
    ? `${key} ${d.pick(['<', '>', '<=', '>='])} ${d.pick(PORTS)}`
    : lookup(d, key, PORTS, PORT_RANGES);
}

interface Place {
  table: Table;
  /** Base hook, or undefined in a chain that several hooks may reach. */
  hook: string | undefined;
  tracked: boolean;
}

function concatenation(d: Dice, network: 'ip' | 'ip6', transport: 'tcp' | 'udp'): string {
  const host = network === 'ip' ? V4 : V6;
  const nets =
    network === 'ip'
      ? [...V4, ...V4_NETS.slice(0, 3), ...V4_RANGES.slice(0, 1)]
      : [...V6, ...V6_NETS.slice(0, 2)];
  const wide = d.chance(0.4);
  const items = Array.from(
    { length: 1 + d.below(4) },
    () => `${d.pick(wide ? nets : host)} . ${wide && d.chance(0.3) ? d.pick(PORT_RANGES) : d.pick(PORTS)}`,
  );
  return `${network} ${d.pick(['saddr', 'daddr'])} . ${transport} ${d.pick(['sport', 'dport'])} ${d.chance(0.2) ? '!= ' : ''}${braces([...new Set(items)].slice(0, wide ? 1 : 4))}`;
}

function match(d: Dice, place: Place, network: Network, transport: Transport): string {
  const side = d.pick(['saddr', 'daddr'] as const);
  const kinds: (() => string)[] = [
    () =>
      `iifname ${d.chance(0.3) ? '!= ' : ''}${d.chance(0.3) ? braces(d.some(NAMES.slice(0, 3), 3)) : d.pick(NAMES)}`,
    () => `oifname ${d.chance(0.3) ? '!= ' : ''}${d.pick(NAMES)}`,
    () =>
      d.pick([
        'limit rate 5/second',
        'limit rate over 5/second',
        'meta mark 0',
        'meta length > 60',
        'iif "lo"',
        'meta pkttype host',
        'fib daddr type local',
      ]),
  ];
  // nft refuses what contradicts itself in one rule.
  if (transport === 'any') kinds.push(() => lookup(d, 'meta l4proto', PROTOCOLS, []));
  if (network === 'any' && place.table.family === 'inet')
    kinds.push(() => `meta nfproto ${d.pick(['ipv4', 'ipv6'])}`);
  if (network !== 'any') {
    kinds.push(
      () => address(d, network, side),
      () => address(d, network, side),
      () => address(d, network, side),
    );
    kinds.push(() => (network === 'ip' ? 'ip ttl 64' : 'ip6 hoplimit 64'));
    if (transport === 'any')
      kinds.push(() =>
        network === 'ip' ? d.pick(['ip protocol udp', 'ip protocol != tcp']) : 'ip6 nexthdr udp',
      );
    const names = place.table.named.get(network) ?? [];
    if (names.length > 0)
      kinds.push(() => `${network} ${side} ${d.chance(0.3) ? '!= ' : ''}@${d.pick(names)}`);
    if (transport === 'tcp' || transport === 'udp') kinds.push(() => concatenation(d, network, transport));
  }
  kinds.push(
    () => transportMatch(d, transport),
    () => transportMatch(d, transport),
  );
  if (place.hook === 'output')
    kinds.push(
      () => lookup(d, 'meta skuid', UIDS, ['960-962', '0-999']),
      () => lookup(d, 'meta skuid', UIDS, []),
    );
  if (place.tracked) {
    kinds.push(() => `ct state ${d.chance(0.25) ? '!= ' : ''}${d.some(STATES, 3).join(',')}`);
    kinds.push(
      () => `ct state ${braces(d.some(STATES, 3))}`,
      () => `ct direction ${d.pick(['original', 'reply'])}`,
    );
  }
  return d.pick(kinds)();
}

function verdict(d: Dice, targets: readonly string[]): string {
  const roll = d.next();
  if (targets.length > 0 && roll < 0.3) return `${d.pick(['jump', 'goto'])} ${d.pick(targets)}`;
  if (roll < 0.6) return 'accept';
  if (roll < 0.88) return 'drop';
  return d.pick(['return', 'continue', 'counter', '']);
}

function verdictMap(d: Dice, network: Network, transport: Transport, targets: readonly string[]): string {
  const arm = (): string => {
    const v = verdict(d, targets);
    return v === 'counter' || v === '' ? 'continue' : v;
  };
  const map = (key: string, values: readonly (string | number)[]): string =>
    `${key} vmap ${braces(d.some(values, 4).map((value) => `${value} : ${arm()}`))}`;
  if (transport === 'tcp' || transport === 'udp') return map(`${transport} dport`, PORTS);
  if (network === 'ip') return map('ip saddr', V4);
  if (network === 'ip6') return map('ip6 daddr', V6);
  return d.chance(0.5) ? map('iifname', NAMES.slice(0, 3)) : map('meta l4proto', PROTOCOLS);
}

function rule(d: Dice, place: Place, targets: readonly string[]): string {
  const { family } = place.table;
  const network: Network = family === 'inet' ? d.pick(['any', 'ip', 'ip6', 'ip'] as const) : family;
  const transports: readonly Transport[] = [
    'any',
    'tcp',
    'udp',
    'tcp',
    'udp',
    network === 'ip6' ? 'icmpv6' : network === 'ip' ? 'icmp' : 'any',
  ];
  const transport = d.pick(transports);
  const parts = Array.from({ length: d.below(3) + (d.chance(0.9) ? 1 : 0) }, () =>
    match(d, place, network, transport),
  );
  if (network !== 'any' && d.chance(0.07)) parts.push(`add @full_${network} { ${network} saddr }`);
  parts.push(d.chance(0.12) ? verdictMap(d, network, transport, targets) : verdict(d, targets));
  return parts.filter((p) => p !== '').join(' ') || 'counter';
}

function table(d: Dice, family: Table['family'], index: number, tracked: boolean): string {
  const t: Table = { family, sets: [], named: new Map() };
  for (const network of family === 'inet' ? (['ip', 'ip6'] as const) : [family]) {
    const type = network === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
    t.sets.push(`set full_${network} { type ${type}; size 2; flags dynamic; }`);
    t.sets.push(
      `set hosts_${network} { type ${type}; elements = ${braces(d.some(network === 'ip' ? V4 : V6, 4))}; }`,
    );
    t.sets.push(
      `set nets_${network} { type ${type}; flags interval; elements = ${braces(d.some((network === 'ip' ? V4_NETS : V6_NETS).slice(0, 1), 1))}; }`,
    );
    t.named.set(network, [`hosts_${network}`, `nets_${network}`, `full_${network}`]);
  }
  const out: string[] = [];
  // Deepest first: a chain jumps only to chains written before it.
  const targets: string[] = [];
  for (let i = d.below(4); i > 0; i--) {
    const rules = Array.from({ length: 1 + d.below(4) }, () =>
      rule(d, { table: t, hook: undefined, tracked }, targets),
    );
    const name = `sub${i}`;
    out.push(`chain ${name} {\n${rules.join('\n')}\n}`);
    targets.push(name);
  }
  const hooks = ['prerouting', 'input', 'forward', 'output'].filter(() => d.chance(0.75));
  for (const hook of hooks) {
    for (let i = d.chance(0.2) ? 2 : 1; i > 0; i--) {
      const priority = d.pick([-450, -402, -400, -300, -250, -150, 0, 0, 10]) + i - 1;
      const place = { table: t, hook, tracked };
      const rules = Array.from({ length: 1 + d.below(7) }, () => rule(d, place, targets));
      if (tracked && priority <= -298 && (hook === 'prerouting' || hook === 'output') && d.chance(0.4)) {
        rules.unshift(`${match(d, place, 'any', 'udp')} notrack`);
      }
      const policy = d.chance(0.3) ? 'drop' : 'accept';
      out.push(
        `chain ${hook}${i} {\ntype filter hook ${hook} priority ${priority}; policy ${policy};\n${rules.join('\n')}\n}`,
      );
    }
  }
  return `table ${family} fuzz${index} {\n${[...t.sets, ...out].join('\n')}\n}\n`;
}

/** @param tracked whether rules may use connection tracking (else fragments stay apart before input) */
export function randomRuleset(d: Dice, tracked: boolean): string {
  const families: Table['family'][] = ['inet'];
  if (d.chance(0.35)) families.push(d.pick(['ip', 'ip6', 'inet']));
  return families.map((family, i) => table(d, family, i, tracked)).join('');
}
