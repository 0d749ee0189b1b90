/** nft match expressions (JSON of libnftables-json(5)) to conditions. What is not understood becomes `unknown`. */
import { parseIpv4, parseIpv6 } from './address.ts';
import { all, any, FIELDS, type Field, masked, NO, not, type Pred, range, unknown, YES } from './ir.ts';
import { count, isList, isObject, type Json, type JsonObject, single, text } from './json.ts';

/** A named set as rules see it. */
export interface NamedSet {
  /** undefined: packets or time change it, so its elements are nobody's promise. */
  elements: readonly Json[] | undefined;
}

export type FindSet = (name: string) => NamedSet | undefined;

/** One side of a comparison: what it needs to exist, and how a value of it is tested. */
interface Operand {
  guard: Pred;
  /** undefined: not understood. */
  field?: Field;
  interface?: 'iif' | 'oif';
  /** Compared by index: only `lo` has one that is known (1). */
  indexed?: boolean;
  /** Bits of the field that count. */
  mask?: bigint;
  why: string;
}

const IPV4 = range('nfproto', 2);
const IPV6 = range('nfproto', 10);
const HAS_L4 = range('l4ok', 1);

// biome-ignore format: a table
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1, igmp: 2, tcp: 6, udp: 17, dccp: 33, gre: 47, esp: 50, ah: 51,
  icmpv6: 58, 'ipv6-icmp': 58, sctp: 132, udplite: 136,
};

const NAMES: Readonly<Partial<Record<Field, Readonly<Record<string, number>>>>> = {
  l4proto: PROTOCOLS,
  nfproto: { ipv4: 2, ipv6: 10 },
  ct: { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 },
  flags: { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 },
};

/** nft 1.0.6 leaves out `meta l4proto icmp` and others in front of `th`: the rule may be about fewer packets. */
const ANY_TRANSPORT = all(HAS_L4, unknown('th (nft may hide a protocol)'));

const transport = (protocol: string): Pred | undefined => {
  if (protocol === 'th') return ANY_TRANSPORT;
  const number = PROTOCOLS[protocol];
  if (number === undefined) return undefined;
  const right = all(HAS_L4, range('l4proto', number));
  if (protocol !== 'icmp' && protocol !== 'icmpv6') return right;
  // nft 1.0.6 prints the same for a rule that asks for the family and for one that does not.
  const family = protocol === 'icmp' ? IPV4 : IPV6;
  return all(right, any(family, unknown(`${protocol} in the other family`)));
};

/** Field, and how many readable transport bytes it takes (class of `thbytes`). */
const TRANSPORT_FIELDS: Readonly<Record<string, readonly [Field, number, RegExp]>> = {
  sport: ['sport', 2, /^(th|tcp|udp|udplite|sctp|dccp)$/],
  dport: ['dport', 4, /^(th|tcp|udp|udplite|sctp|dccp)$/],
  flags: ['flags', 5, /^tcp$/],
  type: ['icmpType', 1, /^icmp(v6)?$/],
  code: ['icmpCode', 2, /^icmp(v6)?$/],
};

function payload(of: JsonObject): Operand {
  const protocol = text(of.protocol) ?? '?';
  const field = text(of.field) ?? '?';
  const why = `payload ${protocol} ${field}`;
  if (protocol === 'ip' && field === 'saddr') return { guard: IPV4, field: 'saddr', why };
  if (protocol === 'ip' && field === 'daddr') return { guard: IPV4, field: 'daddr', why };
  if (protocol === 'ip' && field === 'protocol') return { guard: IPV4, field: 'l4proto', why };
  if (protocol === 'ip6' && field === 'saddr') return { guard: IPV6, field: 'saddr6', why };
  if (protocol === 'ip6' && field === 'daddr') return { guard: IPV6, field: 'daddr6', why };
  if (protocol === 'ip' || protocol === 'ip6') return { guard: protocol === 'ip' ? IPV4 : IPV6, why };
  const known = TRANSPORT_FIELDS[field];
  const guard = transport(protocol);
  if (!known || !guard || !known[2].test(protocol)) return { guard: YES, why };
  return { guard: all(guard, range('thbytes', known[1], 7)), field: known[0], why };
}

function meta(key: string): Operand {
  const why = `meta ${key}`;
  switch (key) {
    case 'iifname':
      return { guard: YES, interface: 'iif', why };
    case 'oifname':
      return { guard: YES, interface: 'oif', why };
    case 'iif':
    case 'oif':
      return { guard: YES, interface: key, indexed: true, why };
    case 'nfproto':
      return { guard: YES, field: 'nfproto', why };
    case 'l4proto':
      return { guard: HAS_L4, field: 'l4proto', why };
    case 'skuid':
      return { guard: range('owned', 1), field: 'uid', why };
    default:
      return { guard: YES, why };
  }
}

function operand(left: Json): Operand {
  const expr = single(left);
  if (!expr) return { guard: YES, why: 'expression' };
  if (expr.key === 'meta' && isObject(expr.value)) return meta(text(expr.value.key) ?? '?');
  if (expr.key === 'payload' && isObject(expr.value)) return payload(expr.value);
  if (expr.key === 'ct' && isObject(expr.value)) {
    const key = text(expr.value.key) ?? '?';
    return key === 'state' && expr.value.dir === undefined
      ? { guard: YES, field: 'ct', why: 'ct state' }
      : { guard: YES, why: `ct ${key}` };
  }
  if (expr.key === '&' && isList(expr.value) && expr.value.length === 2) {
    const inner = operand(expr.value[0] ?? null);
    const mask = inner.field === undefined ? undefined : bits(inner.field, expr.value[1] ?? null);
    if (inner.field !== undefined && inner.mask === undefined && mask !== undefined)
      return { ...inner, mask };
  }
  return { guard: YES, why: expr.key };
}

/** A literal of a field; undefined when we cannot read it. */
function literal(field: Field, value: Json): bigint | undefined {
  const number = count(value);
  if (number !== undefined) return BigInt(number);
  const word = text(value);
  if (word === undefined) return undefined;
  if (field === 'saddr' || field === 'daddr') return parseIpv4(word);
  if (field === 'saddr6' || field === 'daddr6') return parseIpv6(word);
  const named = NAMES[field]?.[word];
  return named === undefined ? undefined : BigInt(named);
}

/** A literal, or several or-ed together (`syn | ack`, as a list or as `{"|": […]}`). */
function bits(field: Field, value: Json): bigint | undefined {
  const list = isList(value) ? value : isObject(value) && isList(value['|']) ? value['|'] : undefined;
  if (!list) return literal(field, value);
  let sum = 0n;
  for (const item of list) {
    const one = bits(field, item);
    if (one === undefined) return undefined;
    sum |= one;
  }
  return sum;
}

/** `operand` is `value`: a literal, range or prefix (not a set). */
function equals(o: Operand, value: Json): Pred {
  const special = single(value);
  if (special?.key === 'elem' && isObject(special.value)) return equals(o, special.value.val ?? null);
  if (o.interface !== undefined) {
    const name = text(value);
    if (name === undefined || (o.indexed && name !== 'lo')) return unknown(`${o.why} value`);
    const wildcard = name.endsWith('*') && !name.endsWith('\\*');
    const plain = wildcard ? name.slice(0, -1) : name.replace(/\\\*$/, '*');
    return { kind: 'interface', side: o.interface, name: plain, wildcard };
  }
  const { field } = o;
  if (field === undefined) return unknown(o.why);
  const width = BigInt(FIELDS[field].width);
  if (special?.key === 'range' && isList(special.value) && o.mask === undefined) {
    const lo = literal(field, special.value[0] ?? null);
    const hi = literal(field, special.value[1] ?? null);
    return lo === undefined || hi === undefined ? unknown(`${o.why} range`) : range(field, lo, hi);
  }
  if (special?.key === 'prefix' && isObject(special.value) && o.mask === undefined) {
    const base = literal(field, special.value.addr ?? null);
    const len = count(special.value.len);
    if (base === undefined || len === undefined || BigInt(len) > width) return unknown(`${o.why} prefix`);
    const host = (1n << (width - BigInt(len))) - 1n;
    return range(field, base & ~host, base | host);
  }
  const number = bits(field, value);
  if (number === undefined) return unknown(`${o.why} value`);
  return o.mask === undefined ? range(field, number) : masked(field, o.mask, number);
}

const unwrapped = (element: Json): Json => {
  const e = single(element);
  return e?.key === 'elem' && isObject(e.value) ? (e.value.val ?? null) : element;
};

/** Key of a lookup: one operand, or several joined with `.`. */
export interface Key {
  guard: Pred;
  /** The key is this element (a literal, range, prefix or concatenation). */
  is(element: Json): Pred;
  why: string;
}

export function key(left: Json): Key {
  const expr = single(left);
  if (expr?.key !== 'concat' || !isList(expr.value)) {
    const one = operand(left);
    return { guard: one.guard, is: (element) => equals(one, unwrapped(element)), why: one.why };
  }
  const parts = expr.value.map(operand);
  const why = parts.map((p) => p.why).join(' . ');
  return {
    guard: all(...parts.map((p) => p.guard)),
    why,
    is: (element) => {
      const values = single(unwrapped(element));
      if (values?.key !== 'concat' || !isList(values.value) || values.value.length !== parts.length) {
        return unknown(`${why} element`);
      }
      const given = values.value;
      return all(...parts.map((part, i) => equals(part, given[i] ?? null)));
    },
  };
}

/** Where a condition starts, so that neighbours in the packet space become neighbours in the list. */
function position(pred: Pred): bigint {
  if (pred.kind === 'range') return pred.lo;
  if (pred.kind === 'and' && pred.of[0]) return position(pred.of[0]);
  return -1n;
}

const union = (preds: Pred[]): Pred => {
  const order = preds.map((pred) => ({ pred, at: position(pred) }));
  order.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return any(...order.map((o) => o.pred));
};

/** The key is in `right`: one value, an anonymous set, or a named one. */
function among(k: Key, right: Json, find: FindSet): Pred {
  const name = text(right);
  if (name?.startsWith('@')) {
    const set = find(name.slice(1));
    return set?.elements ? union(set.elements.map((e) => k.is(e))) : unknown(`set ${name}`);
  }
  const expr = single(right);
  if (expr?.key === 'set') {
    const elements = isList(expr.value) ? expr.value : [expr.value];
    return union(elements.map((e) => k.is(e)));
  }
  return k.is(right);
}

/** One of the bits of `right` is set in the field. */
function shares(o: Operand, right: Json): Pred {
  const wanted = o.field === undefined ? undefined : bits(o.field, right);
  if (o.field === undefined || wanted === undefined || o.mask !== undefined) return unknown(o.why);
  return wanted === 0n ? NO : not(masked(o.field, wanted, 0n));
}

function compare(op: string, o: Operand, right: Json): Pred {
  const number = o.field === undefined ? undefined : literal(o.field, right);
  if (o.field === undefined || number === undefined || o.mask !== undefined) return unknown(o.why);
  const top = (1n << BigInt(FIELDS[o.field].width)) - 1n;
  if (op === '<') return range(o.field, 0n, number - 1n);
  if (op === '<=') return range(o.field, 0n, number);
  return range(o.field, op === '>' ? number + 1n : number, top);
}

/** `{"op", "left", "right"}` of a match statement. */
export function matchExpression(match: JsonObject, find: FindSet): Pred {
  const op = text(match.op) ?? '?';
  const left = match.left ?? null;
  const right = match.right ?? null;
  const k = key(left);
  if (op === '==') return all(k.guard, among(k, right, find));
  // nft 1.0.6 also prints `sport < 100 sport > 50` as `!= 100-50`: what the kernel does, the listing does not say.
  if (op === '!=' && single(right)?.key === 'range') return all(k.guard, unknown(`${k.why} != range`));
  if (op === '!=') return all(k.guard, not(among(k, right, find)));
  const o = operand(left);
  if (op === 'in') return all(o.guard, shares(o, right));
  if (op === '!') return all(o.guard, not(shares(o, right)));
  if (op === '<' || op === '>' || op === '<=' || op === '>=') return all(o.guard, compare(op, o, right));
  return unknown(`operator ${op}`);
}
