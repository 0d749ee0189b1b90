// lib/containment/src/bdd.ts
var LimitError = class extends Error {
  name = "LimitError";
};
var TERMINAL = 2147483647;
var FIRST_NODES = 1 << 13;
var LARGEST_CACHE = 1 << 20;
var hash3 = (a, b, c) => {
  let h = Math.imul(a, 2654435761) ^ Math.imul(b, 2246822507) ^ Math.imul(c, 3266489909);
  h ^= h >>> 15;
  h = Math.imul(h, 739982445);
  return h ^ h >>> 13;
};
var Bdd = class {
  static no = 0;
  static yes = 1;
  #maxNodes;
  #level = new Int32Array(FIRST_NODES);
  #low = new Int32Array(FIRST_NODES);
  #high = new Int32Array(FIRST_NODES);
  #count = 2;
  /** Open-addressed unique table of node numbers, at most half full; 0 is free. */
  #unique = new Int32Array(FIRST_NODES * 2);
  /** Direct-mapped results: f, g, h, result. */
  #cache = new Int32Array(FIRST_NODES * 4);
  /** @param maxNodes at most this many nodes (12 bytes each, about 40 with tables), then LimitError */
  constructor(maxNodes = 6e6) {
    this.#maxNodes = maxNodes;
    this.#level[0] = TERMINAL;
    this.#level[1] = TERMINAL;
  }
  /** Nodes made so far. */
  get size() {
    return this.#count;
  }
  /** The node that tests `level` and goes to `low` on 0, `high` on 1; both must test later levels. */
  node(level, low, high) {
    if (low === high) return low;
    const mask = this.#unique.length - 1;
    let slot = hash3(level, low, high) & mask;
    for (let n2 = this.#unique[slot] ?? 0; n2 !== 0; n2 = this.#unique[slot] ?? 0) {
      if (this.#level[n2] === level && this.#low[n2] === low && this.#high[n2] === high) return n2;
      slot = slot + 1 & mask;
    }
    if (this.#count === this.#level.length) {
      this.#grow();
      return this.node(level, low, high);
    }
    const made = this.#count++;
    this.#level[made] = level;
    this.#low[made] = low;
    this.#high[made] = high;
    this.#unique[slot] = made;
    return made;
  }
  #grow() {
    const old = this.#level.length;
    if (old >= this.#maxNodes) throw new LimitError(`more than ${this.#maxNodes} decision nodes`);
    const wider = (a) => {
      const b = new Int32Array(old * 2);
      b.set(a);
      return b;
    };
    this.#level = wider(this.#level);
    this.#low = wider(this.#low);
    this.#high = wider(this.#high);
    this.#unique = new Int32Array(old * 4);
    const mask = this.#unique.length - 1;
    for (let n2 = 2; n2 < this.#count; n2++) {
      let slot = hash3(this.#level[n2] ?? 0, this.#low[n2] ?? 0, this.#high[n2] ?? 0) & mask;
      while (this.#unique[slot] !== 0) slot = slot + 1 & mask;
      this.#unique[slot] = n2;
    }
    if (this.#cache.length < LARGEST_CACHE * 4) this.#cache = new Int32Array(this.#cache.length * 2);
  }
  /** f ? g : h */
  ite(f, g, h) {
    if (f === 1) return g;
    if (f === 0) return h;
    const then = f === g ? 1 : g;
    const otherwise = f === h ? 0 : h;
    if (then === otherwise) return then;
    if (then === 1 && otherwise === 0) return f;
    const slot = (hash3(f, then, otherwise) & (this.#cache.length >> 2) - 1) << 2;
    const cache = this.#cache;
    if (cache[slot] === f && cache[slot + 1] === then && cache[slot + 2] === otherwise) {
      return cache[slot + 3] ?? 0;
    }
    const lf = this.#level[f] ?? 0;
    const lg = this.#level[then] ?? 0;
    const lh = this.#level[otherwise] ?? 0;
    const top = Math.min(lf, lg, lh);
    const low = this.ite(
      lf === top ? this.#low[f] ?? 0 : f,
      lg === top ? this.#low[then] ?? 0 : then,
      lh === top ? this.#low[otherwise] ?? 0 : otherwise
    );
    const high = this.ite(
      lf === top ? this.#high[f] ?? 0 : f,
      lg === top ? this.#high[then] ?? 0 : then,
      lh === top ? this.#high[otherwise] ?? 0 : otherwise
    );
    const result = this.node(top, low, high);
    const now = this.#cache;
    const place = (hash3(f, then, otherwise) & (now.length >> 2) - 1) << 2;
    now[place] = f;
    now[place + 1] = then;
    now[place + 2] = otherwise;
    now[place + 3] = result;
    return result;
  }
  /** lo ≤ v ≤ hi, where v stands in `width` levels from `first`, most significant bit first. */
  range(first, width, lo, hi) {
    const low = lo.toString(2).padStart(width, "0");
    const high = hi.toString(2).padStart(width, "0");
    let split = 0;
    while (split < width && low[split] === high[split]) split++;
    let n2 = 1;
    if (split < width) {
      let atLeast = 1;
      let atMost = 1;
      for (let bit = width - 1; bit > split; bit--) {
        const level = first + bit;
        atLeast = low[bit] === "1" ? this.node(level, 0, atLeast) : this.node(level, atLeast, 1);
        atMost = high[bit] === "1" ? this.node(level, 1, atMost) : this.node(level, atMost, 0);
      }
      n2 = this.node(first + split, atLeast, atMost);
    }
    for (let bit = split - 1; bit >= 0; bit--) {
      n2 = low[bit] === "1" ? this.node(first + bit, 0, n2) : this.node(first + bit, n2, 0);
    }
    return n2;
  }
  /** (v & mask) = value. */
  mask(first, width, mask, value2) {
    let n2 = 1;
    for (let bit = 0; bit < width; bit++) {
      if ((mask >> BigInt(bit) & 1n) === 0n) continue;
      const level = first + width - 1 - bit;
      n2 = (value2 >> BigInt(bit) & 1n) === 1n ? this.node(level, 0, n2) : this.node(level, n2, 0);
    }
    return n2;
  }
  /** One member of a non-empty set: the levels that must be 1; all others are 0. */
  member(f) {
    const ones = /* @__PURE__ */ new Set();
    for (let n2 = f; n2 > 1; ) {
      const low = this.#low[n2] ?? 0;
      if (low !== 0) {
        n2 = low;
      } else {
        ones.add(this.#level[n2] ?? 0);
        n2 = this.#high[n2] ?? 0;
      }
    }
    return ones;
  }
  /** Whether the set holds the vector whose bit at a level is `bit(level)`. */
  contains(f, bit) {
    let n2 = f;
    while (n2 > 1) n2 = (bit(this.#level[n2] ?? 0) ? this.#high[n2] : this.#low[n2]) ?? 0;
    return n2 === 1;
  }
};

// lib/containment/src/ir.ts
var VARIABLES = {
  /** 1: arrives in fragments. */
  frag: 1,
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
  wireFlags: 8
};
var whole = (variable) => ({ variable, from: 0, width: VARIABLES[variable] });
var FIELDS = {
  frag: whole("frag"),
  nfproto: whole("nfproto"),
  ct: whole("ct"),
  l4ok: whole("l4ok"),
  l4proto: whole("l4proto"),
  thbytes: whole("thbytes"),
  owned: whole("owned"),
  uid: whole("uid"),
  saddr: { variable: "saddr", from: 0, width: 32 },
  daddr: { variable: "daddr", from: 0, width: 32 },
  saddr6: whole("saddr"),
  daddr6: whole("daddr"),
  sport: whole("sport"),
  dport: whole("dport"),
  icmpType: { variable: "sport", from: 0, width: 8 },
  icmpCode: { variable: "sport", from: 8, width: 8 },
  flags: whole("flags")
};
var YES = { kind: "const", value: true };
var NO = { kind: "const", value: false };
var all = (...of) => of.length === 1 && of[0] ? of[0] : { kind: "and", of };
var any = (...of) => of.length === 1 && of[0] ? of[0] : { kind: "or", of };
var not = (of) => ({ kind: "not", of });
var unknown = (why, nominal) => nominal === void 0 ? { kind: "unknown", why } : { kind: "unknown", why, nominal };
function range(field, lo, hi = lo) {
  const top = (1n << BigInt(FIELDS[field].width)) - 1n;
  const low = BigInt(lo);
  const high = BigInt(hi) > top ? top : BigInt(hi);
  if (low > high) return NO;
  return low <= 0n && high === top ? YES : { kind: "range", field, lo: low < 0n ? 0n : low, hi: high };
}
function masked(field, mask, value2) {
  const top = (1n << BigInt(FIELDS[field].width)) - 1n;
  if ((value2 & ~mask) !== 0n || value2 > top) return NO;
  const inside = mask & top;
  return inside === 0n ? YES : { kind: "mask", field, mask: inside, value: value2 };
}

// lib/containment/src/algebra.ts
var BddAlgebra = class {
  yes = Bdd.yes;
  no = Bdd.no;
  bdd;
  #first = /* @__PURE__ */ new Map();
  #width = /* @__PURE__ */ new Map();
  constructor(interfaceBits, maxNodes) {
    this.bdd = new Bdd(maxNodes);
    let level = 0;
    for (const [name, bits2] of Object.entries(VARIABLES)) {
      const width = name === "iif" || name === "oif" ? interfaceBits : bits2;
      this.#first.set(name, level);
      this.#width.set(name, width);
      level += width;
    }
  }
  ite(condition, then, otherwise) {
    return this.bdd.ite(condition, then, otherwise);
  }
  union(sets) {
    if (sets.length <= 1) return sets[0] ?? Bdd.no;
    const half = sets.length >> 1;
    return this.bdd.ite(this.union(sets.slice(0, half)), Bdd.yes, this.union(sets.slice(half)));
  }
  range(variable, from2, width, lo, hi) {
    return this.bdd.range((this.#first.get(variable) ?? 0) + from2, width, lo, hi);
  }
  mask(variable, from2, width, mask, value2) {
    return this.bdd.mask((this.#first.get(variable) ?? 0) + from2, width, mask, value2);
  }
  /** Some packet of a non-empty set. */
  packet(set2) {
    const ones = this.bdd.member(set2);
    const read = (variable) => {
      const first = this.#first.get(variable) ?? 0;
      let value2 = 0n;
      for (let i = 0; i < (this.#width.get(variable) ?? 0); i++) {
        value2 = value2 << 1n | (ones.has(first + i) ? 1n : 0n);
      }
      return value2;
    };
    const names = Object.keys(VARIABLES);
    return Object.fromEntries(names.map((name) => [name, read(name)]));
  }
  contains(set2, packet) {
    const bits2 = [];
    for (const [variable, width] of this.#width) {
      for (let i = width - 1; i >= 0; i--) bits2.push((packet[variable] >> BigInt(i) & 1n) === 1n);
    }
    return this.bdd.contains(set2, (level) => bits2[level] ?? false);
  }
};

// lib/containment/src/lower.ts
var CONNTRACK = -200;
var DEFRAG = -400;
var stageOf = (hook, priority) => ({
  hook,
  early: (hook === "prerouting" || hook === "output") && priority <= CONNTRACK,
  // Whether anything puts them together before routing depends on the rest of the system: prerouting may see pieces.
  wire: hook === "prerouting" || hook === "output" && priority <= DEFRAG
});
var ON_WIRE = {
  l4ok: "wireL4ok",
  l4proto: "wireL4proto",
  thbytes: "wireThbytes",
  sport: "wireSport",
  dport: "wireDport",
  flags: "wireFlags"
};
function settled(variable, view) {
  if (view === "packet") return true;
  switch (variable) {
    case "ct":
      return !view.early;
    case "owned":
    case "uid":
      return view.hook === "output" || view.hook === "postrouting";
    case "iif":
      return view.hook === "prerouting" || view.hook === "input" || view.hook === "forward";
    case "oif":
      return view.hook === "forward" || view.hook === "output" || view.hook === "postrouting";
    default:
      return true;
  }
}
var wireName = (variable, view) => view !== "packet" && view.wire ? ON_WIRE[variable] : void 0;
var Lowering = class {
  #alg;
  #interfaces;
  /** Take nominal outcomes for what is unknown (limits not reached, sets not full). */
  #nominal;
  #frag;
  constructor(alg, interfaces, nominal) {
    this.#alg = alg;
    this.#interfaces = interfaces;
    this.#nominal = nominal;
    this.#frag = alg.range("frag", 0, 1, 1n, 1n);
  }
  lower(pred, view) {
    const alg = this.#alg;
    switch (pred.kind) {
      case "const":
        return this.#exact(pred.value ? alg.yes : alg.no);
      case "range":
        return this.#field(pred.field, view, (v, from2, width) => alg.range(v, from2, width, pred.lo, pred.hi));
      case "mask":
        return this.#field(
          pred.field,
          view,
          (v, from2, width) => alg.mask(v, from2, width, pred.mask, pred.value)
        );
      case "interface": {
        if (!settled(pred.side, view)) return this.#unknown();
        const bits2 = this.#interfaces.bits;
        const numbers = this.#interfaces.matching(pred.name, pred.wildcard);
        return this.#exact(
          alg.union(numbers.map((n2) => alg.range(pred.side, 0, bits2, BigInt(n2), BigInt(n2))))
        );
      }
      case "not": {
        const { must, may } = this.lower(pred.of, view);
        const no = this.#not(may);
        return { must: no, may: may === must ? no : this.#not(must) };
      }
      case "and": {
        let sum = this.#exact(alg.yes);
        for (let i = pred.of.length - 1; i >= 0; i--) {
          const part = this.lower(pred.of[i] ?? { kind: "const", value: true }, view);
          const may = alg.ite(part.may, sum.may, alg.no);
          sum = { may, must: this.#same(part, sum) ? may : alg.ite(part.must, sum.must, alg.no) };
        }
        return sum;
      }
      case "or": {
        const parts = pred.of.map((p) => this.lower(p, view));
        const may = alg.union(parts.map((p) => p.may));
        const exact = parts.every((p) => p.may === p.must);
        return { may, must: exact ? may : alg.union(parts.map((p) => p.must)) };
      }
      case "unknown":
        return this.#nominal && pred.nominal !== void 0 ? this.#exact(pred.nominal ? alg.yes : alg.no) : this.#unknown();
    }
  }
  #same(a, b) {
    return a.may === a.must && b.may === b.must;
  }
  #exact(s) {
    return { must: s, may: s };
  }
  #unknown() {
    return { must: this.#alg.no, may: this.#alg.yes };
  }
  #not(s) {
    return this.#alg.ite(s, this.#alg.no, this.#alg.yes);
  }
  #field(field, view, make) {
    const { variable, from: from2, width } = FIELDS[field];
    if (!settled(variable, view)) return this.#unknown();
    const plain = make(variable, from2, width);
    const wire = wireName(variable, view);
    return this.#exact(wire ? this.#alg.ite(this.#frag, make(wire, from2, width), plain) : plain);
  }
};

// lib/containment/src/execute.ts
var DEEPEST = 16;
var MOST_STEPS = 2e6;
function inertChains(ruleset) {
  const active = /* @__PURE__ */ new Set();
  const callers = /* @__PURE__ */ new Map();
  for (const chain of ruleset.chains.values()) {
    const acts = (s) => {
      if (s.kind === "anything" || s.kind === "notrack") return true;
      const verdicts = s.kind === "verdict" ? [s.verdict] : s.kind === "vmap" ? s.arms.map((a) => a.verdict) : [];
      for (const v of verdicts) {
        if (!("target" in v)) continue;
        const target = `${chain.family} ${chain.table} ${v.target}`;
        callers.set(target, [...callers.get(target) ?? [], chain.key]);
      }
      return verdicts.some((v) => v.kind === "accept" || v.kind === "drop");
    };
    if (chain.rules.map((rule2) => rule2.statements.map(acts).includes(true)).includes(true))
      active.add(chain.key);
  }
  const spread = [...active];
  for (let key2 = spread.pop(); key2 !== void 0; key2 = spread.pop()) {
    for (const caller of callers.get(key2) ?? []) {
      if (active.has(caller)) continue;
      active.add(caller);
      spread.push(caller);
    }
  }
  return new Set([...ruleset.chains.keys()].filter((key2) => !active.has(key2)));
}
var Executor = class {
  #alg;
  #ruleset;
  #lowering;
  #inert;
  #stages;
  #conditions = /* @__PURE__ */ new Map();
  #steps = 0;
  /** What was met on the way that no proof can stand on. */
  problems = /* @__PURE__ */ new Set();
  /**
   * @param nominal rate limits not reached and sets not full; for liveness only
   * @param stages what is settled where; another than `stageOf` is for showing that a wrong one is found
   */
  constructor(alg, ruleset, interfaces, nominal, stages = stageOf) {
    this.#stages = stages;
    this.#alg = alg;
    this.#ruleset = ruleset;
    this.#lowering = new Lowering(alg, interfaces, nominal);
    this.#inert = inertChains(ruleset);
  }
  /** The packets a condition is about. */
  packets(pred) {
    return this.#lowering.lower(pred, "packet").may;
  }
  /** What may come of these packets on their way through these hooks. @throws LimitError */
  path(packets2, hooks) {
    let fate = { accepted: packets2, dropped: this.#alg.no };
    for (const hook of hooks) {
      for (const chain of this.#ruleset.chains.values()) {
        if (chain.base?.hook !== hook) continue;
        const here = this.#baseChain(chain, chain.base, fate.accepted);
        fate = { accepted: here.accepted, dropped: this.#or(fate.dropped, here.dropped) };
      }
    }
    return fate;
  }
  #baseChain(chain, base, packets2) {
    const { no, yes } = this.#alg;
    const stage = this.#stages(base.hook, base.priority);
    const family = chain.family === "ip" ? 2 : 10;
    const own = chain.family === "inet" ? yes : this.#lowering.lower(range("nfproto", family), stage).may;
    const run = { accepted: no, dropped: no, stage, returned: /* @__PURE__ */ new Map() };
    const left = this.#chain(chain, this.#and(own, packets2), run, 0);
    if (base.policy === "accept") run.accepted = this.#or(run.accepted, left);
    else run.dropped = this.#or(run.dropped, left);
    if (base.type === "nat") return { accepted: packets2, dropped: run.dropped };
    const others = own === yes ? no : this.#minus(packets2, own);
    return { accepted: this.#or(run.accepted, others), dropped: run.dropped };
  }
  /** @returns what may come back from the chain */
  #chain(chain, packets2, run, depth) {
    const { no } = this.#alg;
    if (packets2 === no || this.#inert.has(chain.key)) return packets2;
    if (depth > DEEPEST) throw new LimitError(`more than ${DEEPEST} nested jumps in ${chain.key}`);
    const memo = run.returned.get(chain.key) ?? /* @__PURE__ */ new Map();
    run.returned.set(chain.key, memo);
    const known = memo.get(packets2);
    if (known !== void 0) return known;
    let here = packets2;
    let back = no;
    for (const rule2 of chain.rules) {
      if (here === no) break;
      const after = this.#rule(chain, rule2, here, run, depth);
      here = after.next;
      back = this.#or(back, after.back);
    }
    back = this.#or(back, here);
    memo.set(packets2, back);
    return back;
  }
  /** @returns what may go on with the next rule, and what may leave the chain */
  #rule(chain, rule2, packets2, run, depth) {
    if (++this.#steps > MOST_STEPS) throw new LimitError(`more than ${MOST_STEPS} rules to follow`);
    const { no } = this.#alg;
    let here = packets2;
    let next = no;
    let back = no;
    const follow = (verdict2, taken, go) => {
      if (verdict2.kind === "accept") run.accepted = this.#or(run.accepted, taken);
      else if (verdict2.kind === "drop") run.dropped = this.#or(run.dropped, taken);
      else if (verdict2.kind === "return") back = this.#or(back, taken);
      else if (verdict2.kind === "continue") go(taken);
      else {
        const target = this.#ruleset.chains.get(`${chain.family} ${chain.table} ${verdict2.target}`);
        const returned = target ? this.#chain(target, taken, run, depth + 1) : taken;
        if (verdict2.kind === "jump") next = this.#or(next, returned);
        else back = this.#or(back, returned);
      }
    };
    for (let i = 0; i < rule2.statements.length && here !== no; i++) {
      const s = rule2.statements[i];
      if (s?.kind === "match") {
        const { condition, last } = this.#joined(rule2, i, run.stage);
        next = this.#or(next, this.#minus(here, condition.must));
        here = this.#and(condition.may, here);
        i = last;
      } else if (s?.kind === "verdict") {
        const taken = here;
        here = no;
        follow(s.verdict, taken, (on) => {
          here = on;
        });
      } else if (s?.kind === "vmap") {
        let missed = here;
        let on = no;
        for (const arm of s.arms) {
          const { may, must } = this.#lowering.lower(arm.pred, run.stage);
          const taken = this.#and(may, here);
          if (taken === no) continue;
          missed = this.#minus(missed, must);
          follow(arm.verdict, taken, (more) => {
            on = this.#or(on, more);
          });
        }
        next = this.#or(next, missed);
        here = on;
      } else if (s?.kind === "notrack") {
        if (!run.stage.early) this.problems.add(`chain ${chain.key}: notrack after connection tracking`);
      } else if (s) {
        run.accepted = this.#or(run.accepted, here);
        run.dropped = this.#or(run.dropped, here);
      }
    }
    return { next: this.#or(next, here), back };
  }
  /** The conjunction of the matches from statement `first` on, and the last of them. */
  #joined(rule2, first, stage) {
    let last = first;
    while (rule2.statements[last + 1]?.kind === "match") last++;
    const view = `${stage.hook} ${stage.early} ${stage.wire}`;
    const known = this.#conditions.get(view) ?? /* @__PURE__ */ new WeakMap();
    this.#conditions.set(view, known);
    const ofRule = known.get(rule2) ?? /* @__PURE__ */ new Map();
    known.set(rule2, ofRule);
    const found = ofRule.get(first);
    if (found) return { condition: found, last };
    const of = rule2.statements.slice(first, last + 1).flatMap((s) => s.kind === "match" ? [s.pred] : []);
    const condition = this.#lowering.lower({ kind: "and", of }, stage);
    ofRule.set(first, condition);
    return { condition, last };
  }
  #and(a, b) {
    return this.#alg.ite(a, b, this.#alg.no);
  }
  #or(a, b) {
    return this.#alg.ite(a, this.#alg.yes, b);
  }
  #minus(a, b) {
    return this.#alg.ite(b, this.#alg.no, a);
  }
};

// lib/containment/src/interfaces.ts
var OTHER_STEMS = ["usbnet", "wlan", "card", "~", "^", "%"];
var Interfaces = class _Interfaces {
  names;
  #index;
  constructor(names) {
    this.names = names;
    this.#index = new Map(names.map((name, i) => [name, i]));
  }
  /** @param known names the policy speaks of, whether the ruleset does or not */
  static of(chains, known) {
    const literal2 = /* @__PURE__ */ new Set(["lo", ...known]);
    const prefixes = /* @__PURE__ */ new Set();
    const look = (pred) => {
      if (pred.kind === "interface") (pred.wildcard ? prefixes : literal2).add(pred.name);
      else if (pred.kind === "not") look(pred.of);
      else if (pred.kind === "and" || pred.kind === "or") for (const p of pred.of) look(p);
    };
    for (const chain of chains) {
      for (const rule2 of chain.rules) {
        for (const s of rule2.statements) {
          if (s.kind === "match") look(s.pred);
          else if (s.kind === "vmap") for (const arm of s.arms) look(arm.pred);
        }
      }
    }
    const names = [...literal2];
    const fresh = (stem) => {
      const foreign = [...prefixes].filter((p) => !stem.startsWith(p));
      for (let i = 0; i < 1e3; i++) {
        const name = `${stem}${i}`;
        if (literal2.has(name) || foreign.some((p) => name.startsWith(p))) continue;
        names.push(name);
        return true;
      }
      return false;
    };
    for (const prefix of prefixes) fresh(prefix);
    OTHER_STEMS.some((stem) => ![...prefixes].some((p) => p !== "" && stem.startsWith(p)) && fresh(stem));
    return new _Interfaces(names);
  }
  /** Bits that number every name. */
  get bits() {
    return Math.max(1, Math.ceil(Math.log2(this.names.length)));
  }
  number(name) {
    return this.#index.get(name);
  }
  name(number) {
    return this.names[Number(number)] ?? "?";
  }
  /** The numbers that `name`, or `name*` as a wildcard, means. */
  matching(name, wildcard) {
    if (!wildcard) {
      const exact = this.#index.get(name);
      return exact === void 0 ? [] : [exact];
    }
    return this.names.flatMap((n2, i) => n2.startsWith(name) ? [i] : []);
  }
};

// lib/containment/src/replay.ts
var unroll = (last) => {
  const out = [];
  for (let l = last; l; l = l.before) out.push(l.value);
  return out.reverse();
};
var unsure = (why, stateful = false) => ({ why, stateful });
var MOST_POINTS = 2e5;
var Replay = class {
  #ruleset;
  #interfaces;
  constructor(ruleset, interfaces) {
    this.#ruleset = ruleset;
    this.#interfaces = interfaces;
  }
  /** A way to `goal` through all these hooks: accepted by every base chain, or dropped by one. */
  walk(packet, hooks, goal) {
    const trail = [];
    const assumes = [];
    for (const hook of hooks) {
      const chains = [...this.#ruleset.chains.values()].filter((c) => c.base?.hook === hook);
      chains.sort((a, b) => (a.base?.priority ?? 0) - (b.base?.priority ?? 0));
      for (const chain of chains) {
        if (chain.family !== "inet" && packet.nfproto !== (chain.family === "ip" ? 2n : 10n)) continue;
        const walk = this.#base(packet, chain, goal);
        if (goal === "drop" && walk) return { trail: [...trail, ...walk.trail], assumes: walk.assumes };
        if (goal === "drop") continue;
        if (!walk) return void 0;
        trail.push(...walk.trail);
        assumes.push(...walk.assumes);
      }
    }
    return goal === "accept" ? { trail, assumes } : void 0;
  }
  #base(packet, chain, goal) {
    const base = chain.base;
    if (!base) return void 0;
    if (base.type === "nat" && goal === "accept") return { trail: [], assumes: [] };
    const stage = stageOf(base.hook, base.priority);
    const seen = /* @__PURE__ */ new Set();
    const open = [
      { chain, rule: 0, statement: 0, callers: void 0, trail: void 0, assumes: void 0 }
    ];
    for (let point = open.pop(); point; point = open.pop()) {
      const here = this.#name(point);
      if (seen.has(here) || seen.size > MOST_POINTS) continue;
      seen.add(here);
      const rule2 = point.chain.rules[point.rule];
      if (!rule2) {
        const back = point.callers;
        if (back) {
          open.push({ ...point, ...back.value, statement: 0, callers: back.before });
        } else if (base.policy === goal) {
          const end = `policy ${base.policy} of chain ${chain.key}`;
          return { trail: [...unroll(point.trail), end], assumes: unroll(point.assumes) };
        }
        continue;
      }
      const done = this.#advance(packet, stage, point, rule2, goal, open);
      if (done) return done;
    }
    return void 0;
  }
  #name(p) {
    let name = `${p.chain.key}|${p.rule}|${p.statement}`;
    for (let c = p.callers; c; c = c.before) name += `<${c.value.chain.key}|${c.value.rule}`;
    return name;
  }
  /** One statement: pushes where the packet may be next; returns when the goal is reached. */
  #advance(packet, stage, p, rule2, goal, open) {
    const next = { ...p, rule: p.rule + 1, statement: 0 };
    const on = { ...p, statement: p.statement + 1 };
    const s = rule2.statements[p.statement];
    const label = `${p.chain.key} rule ${rule2.handle}: ${rule2.text}`;
    const assume = (to, a, holds) => {
      const value2 = { rule: label, why: a.why, holds, stateful: a.stateful };
      return { ...to, assumes: { value: value2, before: to.assumes } };
    };
    const take = (v, from2) => {
      const trail = { value: label, before: from2.trail };
      if (v.kind === "accept" || v.kind === "drop") {
        return v.kind === goal ? { trail: unroll(trail), assumes: unroll(from2.assumes) } : void 0;
      }
      if (v.kind === "continue") open.push({ ...from2, statement: p.statement + 1 });
      else if (v.kind === "return") open.push({ ...from2, rule: p.chain.rules.length, statement: 0, trail });
      else {
        const target = this.#ruleset.chains.get(`${p.chain.family} ${p.chain.table} ${v.target}`);
        const back = { value: { chain: p.chain, rule: p.rule + 1 }, before: p.callers };
        const callers = v.kind === "jump" ? back : p.callers;
        if (target) open.push({ ...from2, chain: target, rule: 0, statement: 0, callers, trail });
      }
      return void 0;
    };
    if (!s) {
      open.push(next);
    } else if (s.kind === "match") {
      const a = this.answer(s.pred, packet, stage);
      if (a === true) open.push(on);
      else if (a === false) open.push(next);
      else open.push(assume(next, a, false), assume(on, a, true));
    } else if (s.kind === "verdict") {
      return take(s.verdict, p);
    } else if (s.kind === "vmap") {
      let missed = p;
      for (const arm of s.arms) {
        const a = this.answer(arm.pred, packet, stage);
        if (a === false) continue;
        const done = take(arm.verdict, a === true ? missed : assume(missed, a, true));
        if (done) return done;
        if (a === true) return void 0;
        missed = assume(missed, a, false);
      }
      open.push({ ...missed, rule: p.rule + 1, statement: 0 });
    } else if (s.kind === "notrack") {
      open.push(on);
    } else {
      const value2 = { rule: label, why: s.why, holds: true, stateful: false };
      return { trail: [...unroll(p.trail), label], assumes: [...unroll(p.assumes), value2] };
    }
    return void 0;
  }
  /** Whether a condition holds for a packet at a stage. */
  answer(pred, packet, stage) {
    switch (pred.kind) {
      case "const":
        return pred.value;
      case "unknown":
        return unsure(pred.why, pred.nominal !== void 0);
      case "interface": {
        if (!settled(pred.side, stage)) return unsure(`${pred.side} in ${stage.hook}`);
        const name = this.#interfaces.name(packet[pred.side]);
        return pred.wildcard ? name.startsWith(pred.name) : name === pred.name;
      }
      case "range":
      case "mask": {
        const { variable, from: from2, width } = FIELDS[pred.field];
        if (!settled(variable, stage)) return unsure(`${variable} in ${stage.hook}`);
        const wire = packet.frag === 1n ? wireName(variable, stage) : void 0;
        const bits2 = { saddr: 128, daddr: 128, sport: 16 }[variable] ?? width;
        const value2 = packet[wire ?? variable] >> BigInt(bits2 - from2 - width) & (1n << BigInt(width)) - 1n;
        return pred.kind === "range" ? value2 >= pred.lo && value2 <= pred.hi : (value2 & pred.mask) === pred.value;
      }
      case "not": {
        const a = this.answer(pred.of, packet, stage);
        return typeof a === "boolean" ? !a : a;
      }
      case "and":
      case "or": {
        const decisive = pred.kind === "or";
        let open = !decisive;
        for (const part of pred.of) {
          const a = this.answer(part, packet, stage);
          if (a === decisive) return decisive;
          if (typeof a !== "boolean") open = a;
        }
        return open;
      }
    }
  }
};

// lib/containment/src/json.ts
var isObject = (value2) => typeof value2 === "object" && value2 !== null && !Array.isArray(value2);
var isList = (value2) => Array.isArray(value2);
var text = (value2) => typeof value2 === "string" ? value2 : void 0;
var count = (value2) => typeof value2 === "number" && Number.isSafeInteger(value2) && value2 >= 0 ? value2 : void 0;
function single(value2) {
  if (!isObject(value2)) return void 0;
  const entries = Object.entries(value2);
  const [only] = entries;
  return entries.length === 1 && only ? { key: only[0], value: only[1] } : void 0;
}
var DEEPEST2 = 64;
function parseJson(source, longest) {
  if (source.length > longest) return { error: `longer than ${longest} characters` };
  let value2;
  try {
    value2 = JSON.parse(source);
  } catch {
    return { error: "not JSON (truncated?)" };
  }
  let layer = [value2];
  for (let depth = 0; layer.length > 0; depth++) {
    if (depth > DEEPEST2) return { error: `nested deeper than ${DEEPEST2}` };
    const next = [];
    for (const v of layer) {
      if (isList(v)) for (const x of v) next.push(x);
      else if (isObject(v)) for (const x of Object.values(v)) next.push(x);
    }
    layer = next;
  }
  return { value: value2 };
}

// lib/containment/src/address.ts
function parseIpv4(s) {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(s)) return void 0;
  let value2 = 0n;
  for (const part of s.split(".")) {
    if (Number(part) > 255) return void 0;
    value2 = value2 << 8n | BigInt(part);
  }
  return value2;
}
function parseIpv6(s) {
  if (s.length > 45 || !/^[0-9a-fA-F:.]+$/.test(s)) return void 0;
  let source = s;
  const dotted = s.slice(s.lastIndexOf(":") + 1);
  if (dotted.includes(".")) {
    const v4 = parseIpv4(dotted);
    if (v4 === void 0) return void 0;
    source = `${s.slice(0, -dotted.length)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) return void 0;
  const groups = (half) => half ? half.split(":") : [];
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return void 0;
  let value2 = 0n;
  for (const group of [...head, ...Array(missing).fill("0"), ...tail]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return void 0;
    value2 = value2 << 16n | BigInt(`0x${group}`);
  }
  return value2;
}

// lib/containment/src/match.ts
var IPV4 = range("nfproto", 2);
var IPV6 = range("nfproto", 10);
var HAS_L4 = range("l4ok", 1);
var PROTOCOLS = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  dccp: 33,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  "ipv6-icmp": 58,
  sctp: 132,
  udplite: 136
};
var NAMES = {
  l4proto: PROTOCOLS,
  nfproto: { ipv4: 2, ipv6: 10 },
  ct: { invalid: 1, established: 2, related: 4, new: 8, untracked: 64 },
  flags: { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ecn: 64, cwr: 128 }
};
var transport = (protocol) => {
  if (protocol === "th") return HAS_L4;
  const number = PROTOCOLS[protocol];
  return number === void 0 ? void 0 : all(HAS_L4, range("l4proto", number));
};
var TRANSPORT_FIELDS = {
  sport: ["sport", 2, /^(th|tcp|udp|udplite|sctp|dccp)$/],
  dport: ["dport", 4, /^(th|tcp|udp|udplite|sctp|dccp)$/],
  flags: ["flags", 5, /^tcp$/],
  type: ["icmpType", 1, /^icmp(v6)?$/],
  code: ["icmpCode", 2, /^icmp(v6)?$/]
};
function payload(of) {
  const protocol = text(of.protocol) ?? "?";
  const field = text(of.field) ?? "?";
  const why = `payload ${protocol} ${field}`;
  if (protocol === "ip" && field === "saddr") return { guard: IPV4, field: "saddr", why };
  if (protocol === "ip" && field === "daddr") return { guard: IPV4, field: "daddr", why };
  if (protocol === "ip" && field === "protocol") return { guard: IPV4, field: "l4proto", why };
  if (protocol === "ip6" && field === "saddr") return { guard: IPV6, field: "saddr6", why };
  if (protocol === "ip6" && field === "daddr") return { guard: IPV6, field: "daddr6", why };
  if (protocol === "ip" || protocol === "ip6") return { guard: protocol === "ip" ? IPV4 : IPV6, why };
  const known = TRANSPORT_FIELDS[field];
  const guard = transport(protocol);
  if (!known || !guard || !known[2].test(protocol)) return { guard: YES, why };
  return { guard: all(guard, range("thbytes", known[1], 7)), field: known[0], why };
}
function meta(key2) {
  const why = `meta ${key2}`;
  switch (key2) {
    case "iifname":
      return { guard: YES, interface: "iif", why };
    case "oifname":
      return { guard: YES, interface: "oif", why };
    case "iif":
    case "oif":
      return { guard: YES, interface: key2, indexed: true, why };
    case "nfproto":
      return { guard: YES, field: "nfproto", why };
    case "l4proto":
      return { guard: HAS_L4, field: "l4proto", why };
    case "skuid":
      return { guard: range("owned", 1), field: "uid", why };
    default:
      return { guard: YES, why };
  }
}
function operand(left) {
  const expr = single(left);
  if (!expr) return { guard: YES, why: "expression" };
  if (expr.key === "meta" && isObject(expr.value)) return meta(text(expr.value.key) ?? "?");
  if (expr.key === "payload" && isObject(expr.value)) return payload(expr.value);
  if (expr.key === "ct" && isObject(expr.value)) {
    const key2 = text(expr.value.key) ?? "?";
    return key2 === "state" && expr.value.dir === void 0 ? { guard: YES, field: "ct", why: "ct state" } : { guard: YES, why: `ct ${key2}` };
  }
  if (expr.key === "&" && isList(expr.value) && expr.value.length === 2) {
    const inner = operand(expr.value[0] ?? null);
    const mask = inner.field === void 0 ? void 0 : bits(inner.field, expr.value[1] ?? null);
    if (inner.field !== void 0 && inner.mask === void 0 && mask !== void 0)
      return { ...inner, mask };
  }
  return { guard: YES, why: expr.key };
}
function literal(field, value2) {
  const number = count(value2);
  if (number !== void 0) return BigInt(number);
  const word = text(value2);
  if (word === void 0) return void 0;
  if (field === "saddr" || field === "daddr") return parseIpv4(word);
  if (field === "saddr6" || field === "daddr6") return parseIpv6(word);
  const named = NAMES[field]?.[word];
  return named === void 0 ? void 0 : BigInt(named);
}
function bits(field, value2) {
  const list = isList(value2) ? value2 : isObject(value2) && isList(value2["|"]) ? value2["|"] : void 0;
  if (!list) return literal(field, value2);
  let sum = 0n;
  for (const item of list) {
    const one = bits(field, item);
    if (one === void 0) return void 0;
    sum |= one;
  }
  return sum;
}
function equals(o, value2) {
  const special = single(value2);
  if (special?.key === "elem" && isObject(special.value)) return equals(o, special.value.val ?? null);
  if (o.interface !== void 0) {
    const name = text(value2);
    if (name === void 0 || o.indexed && name !== "lo") return unknown(`${o.why} value`);
    const wildcard = name.endsWith("*") && !name.endsWith("\\*");
    const plain = wildcard ? name.slice(0, -1) : name.replace(/\\\*$/, "*");
    return { kind: "interface", side: o.interface, name: plain, wildcard };
  }
  const { field } = o;
  if (field === void 0) return unknown(o.why);
  const width = BigInt(FIELDS[field].width);
  if (special?.key === "range" && isList(special.value) && o.mask === void 0) {
    const lo = literal(field, special.value[0] ?? null);
    const hi = literal(field, special.value[1] ?? null);
    return lo === void 0 || hi === void 0 ? unknown(`${o.why} range`) : range(field, lo, hi);
  }
  if (special?.key === "prefix" && isObject(special.value) && o.mask === void 0) {
    const base = literal(field, special.value.addr ?? null);
    const len = count(special.value.len);
    if (base === void 0 || len === void 0 || BigInt(len) > width) return unknown(`${o.why} prefix`);
    const host = (1n << width - BigInt(len)) - 1n;
    return range(field, base & ~host, base | host);
  }
  const number = bits(field, value2);
  if (number === void 0) return unknown(`${o.why} value`);
  return o.mask === void 0 ? range(field, number) : masked(field, o.mask, number);
}
var unwrapped = (element) => {
  const e = single(element);
  return e?.key === "elem" && isObject(e.value) ? e.value.val ?? null : element;
};
function key(left) {
  const expr = single(left);
  if (expr?.key !== "concat" || !isList(expr.value)) {
    const one = operand(left);
    return { guard: one.guard, is: (element) => equals(one, unwrapped(element)), why: one.why };
  }
  const parts = expr.value.map(operand);
  const why = parts.map((p) => p.why).join(" . ");
  return {
    guard: all(...parts.map((p) => p.guard)),
    why,
    is: (element) => {
      const values = single(unwrapped(element));
      if (values?.key !== "concat" || !isList(values.value) || values.value.length !== parts.length) {
        return unknown(`${why} element`);
      }
      const given = values.value;
      return all(...parts.map((part, i) => equals(part, given[i] ?? null)));
    }
  };
}
function position(pred) {
  if (pred.kind === "range") return pred.lo;
  if (pred.kind === "and" && pred.of[0]) return position(pred.of[0]);
  return -1n;
}
var union = (preds) => {
  const order = preds.map((pred) => ({ pred, at: position(pred) }));
  order.sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
  return any(...order.map((o) => o.pred));
};
function among(k2, right, find) {
  const name = text(right);
  if (name?.startsWith("@")) {
    const set2 = find(name.slice(1));
    return set2?.elements ? union(set2.elements.map((e) => k2.is(e))) : unknown(`set ${name}`);
  }
  const expr = single(right);
  if (expr?.key === "set") {
    const elements = isList(expr.value) ? expr.value : [expr.value];
    return union(elements.map((e) => k2.is(e)));
  }
  return k2.is(right);
}
function shares(o, right) {
  const wanted = o.field === void 0 ? void 0 : bits(o.field, right);
  if (o.field === void 0 || wanted === void 0 || o.mask !== void 0) return unknown(o.why);
  return wanted === 0n ? NO : not(masked(o.field, wanted, 0n));
}
function compare(op, o, right) {
  const number = o.field === void 0 ? void 0 : literal(o.field, right);
  if (o.field === void 0 || number === void 0 || o.mask !== void 0) return unknown(o.why);
  const top = (1n << BigInt(FIELDS[o.field].width)) - 1n;
  if (op === "<") return range(o.field, 0n, number - 1n);
  if (op === "<=") return range(o.field, 0n, number);
  return range(o.field, op === ">" ? number + 1n : number, top);
}
function matchExpression(match2, find) {
  const op = text(match2.op) ?? "?";
  const left = match2.left ?? null;
  const right = match2.right ?? null;
  const k2 = key(left);
  if (op === "==") return all(k2.guard, among(k2, right, find));
  if (op === "!=") return all(k2.guard, not(among(k2, right, find)));
  const o = operand(left);
  if (op === "in") return all(o.guard, shares(o, right));
  if (op === "!") return all(o.guard, not(shares(o, right)));
  if (op === "<" || op === ">" || op === "<=" || op === ">=") return all(o.guard, compare(op, o, right));
  return unknown(`operator ${op}`);
}

// lib/containment/src/statement.ts
var HARMLESS = /* @__PURE__ */ new Set(["counter", "log", "comment", "ct helper", "ct timeout", "ct expectation", "last"]);
var REDIRECTS = /* @__PURE__ */ new Set([
  "dnat",
  "snat",
  "masquerade",
  "redirect",
  "tproxy",
  "queue",
  "fwd",
  "dup",
  "flow",
  "synproxy",
  "mangle",
  "secmark",
  "tunnel",
  "xt"
]);
var SIMPLE = {
  accept: "accept",
  drop: "drop",
  return: "return",
  continue: "continue",
  // Its answer is a packet of ours and has to pass the output hook by itself.
  reject: "drop"
};
function verdictOf(name, value2) {
  const simple = SIMPLE[name];
  if (simple) return { kind: simple };
  const target = isObject(value2) ? text(value2.target) : void 0;
  return (name === "jump" || name === "goto") && target !== void 0 ? { kind: name, target } : void 0;
}
function limit(value2) {
  if (!isObject(value2)) return unknown("named limit");
  return unknown("limit", value2.inv !== true);
}
function vmap(value2, context) {
  const data = isObject(value2) ? value2.data : void 0;
  const k2 = key(isObject(value2) ? value2.key ?? null : null);
  const name = text(data);
  const elements = name?.startsWith("@") ? context.maps(name.slice(1))?.elements : isObject(data) && isList(data.set) ? data.set : void 0;
  if (!elements) return { kind: "anything", why: `verdict map ${name ?? ""}` };
  const arms = [];
  for (const element of elements) {
    const pair = isList(element) ? element : [];
    const given = single(pair[1]);
    const verdict2 = given ? verdictOf(given.key, given.value) : void 0;
    if (!verdict2) {
      context.problem("verdict map with an element we do not know");
      return { kind: "anything", why: "verdict map element" };
    }
    arms.push({ pred: all(k2.guard, k2.is(pair[0] ?? null)), verdict: verdict2 });
  }
  return { kind: "vmap", arms };
}
function statement(json, context) {
  const s = single(json);
  if (!s) {
    context.problem("statement that is not an object with one key");
    return { kind: "anything", why: "statement" };
  }
  if (HARMLESS.has(s.key)) return void 0;
  const verdict2 = verdictOf(s.key, s.value);
  if (verdict2) return { kind: "verdict", verdict: verdict2 };
  switch (s.key) {
    case "match":
      return {
        kind: "match",
        pred: isObject(s.value) ? matchExpression(s.value, context.sets) : unknown("match")
      };
    case "vmap":
      return vmap(s.value, context);
    case "limit":
      return { kind: "match", pred: limit(s.value) };
    // A full set, or a statement inside that does not match, ends the rule here.
    case "set":
    case "map":
      return { kind: "match", pred: unknown(`${s.key} statement`, true) };
    case "meter":
    case "quota":
    case "ct count":
    case "connlimit":
      return { kind: "match", pred: unknown(s.key) };
    case "notrack":
      return { kind: "notrack" };
    default:
      context.problem(
        REDIRECTS.has(s.key) ? `${s.key}: can send packets elsewhere` : `unknown statement "${s.key}"`
      );
      return { kind: "anything", why: s.key };
  }
}

// lib/containment/src/words.ts
var LONGEST = 240;
function value(json) {
  if (typeof json === "string" || typeof json === "number" || typeof json === "boolean") return String(json);
  if (isList(json)) return json.map(value).join(",");
  const e = single(json);
  if (!e) return "?";
  if (e.key === "set") {
    const list = isList(e.value) ? e.value : [e.value];
    const shown2 = list.slice(0, 6).map(value).join(", ");
    return `{ ${shown2}${list.length > 6 ? `, \u2026 ${list.length - 6} more` : ""} }`;
  }
  if (e.key === "range" && isList(e.value)) return e.value.map(value).join("-");
  if (e.key === "concat" && isList(e.value)) return e.value.map(value).join(" . ");
  if (e.key === "|" && isList(e.value)) return e.value.map(value).join(" | ");
  if (e.key === "&" && isList(e.value)) return e.value.map(value).join(" & ");
  if (!isObject(e.value)) return `${e.key} ${value(e.value)}`;
  if (e.key === "prefix") return `${value(e.value.addr ?? "?")}/${value(e.value.len ?? "?")}`;
  if (e.key === "payload") {
    return `${value(e.value.protocol ?? e.value.base ?? "?")} ${value(e.value.field ?? e.value.offset ?? "?")}`;
  }
  if (e.key === "meta") {
    const name = text(e.value.key) ?? "?";
    return /^[io]if(name)?$/.test(name) ? name : `meta ${name}`;
  }
  if (e.key === "ct") return `ct ${value(e.value.key ?? "?")}`;
  if (e.key === "elem") return value(e.value.val ?? "?");
  return e.key;
}
function statementText(json) {
  const s = single(json);
  if (!s) return "?";
  if (s.key === "match" && isObject(s.value)) {
    const op = text(s.value.op);
    const shown2 = op === "==" || op === "in" ? "" : `${op} `;
    return `${value(s.value.left ?? "?")} ${shown2}${value(s.value.right ?? "?")}`;
  }
  if ((s.key === "jump" || s.key === "goto") && isObject(s.value))
    return `${s.key} ${value(s.value.target ?? "?")}`;
  if (s.key === "set" && isObject(s.value)) return `${value(s.value.op ?? "")} ${value(s.value.set ?? "")}`;
  if (s.key === "vmap" && isObject(s.value)) return `${value(s.value.key ?? "?")} vmap \u2026`;
  if (s.key === "limit" && isObject(s.value)) {
    return `limit ${s.value.inv === true ? "over " : ""}${value(s.value.rate ?? "?")}/${value(s.value.per ?? "?")}`;
  }
  return s.key === "counter" ? "" : s.key;
}
function ruleText(expressions) {
  const line = expressions.map(statementText).filter((s) => s !== "").join(" ");
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}\u2026` : line;
}

// lib/containment/src/ruleset.ts
var RULESET_LIMITS = { characters: 64 * 1024 * 1024, objects: 2e5 };
var HOOKS = /* @__PURE__ */ new Set(["prerouting", "input", "forward", "output", "postrouting"]);
var INET = /* @__PURE__ */ new Set(["inet", "ip", "ip6"]);
var PASSIVE = /* @__PURE__ */ new Set([
  "counter",
  "quota",
  "limit",
  "metainfo",
  "ct helper",
  "ct timeout",
  "ct expectation"
]);
var keyOf = (o, name) => `${text(o.family) ?? "?"} ${text(o.table) ?? "?"} ${text(name) ?? "?"}`;
function changeable(set2) {
  const flags = isList(set2.flags) ? set2.flags : [set2.flags];
  if (set2.timeout !== void 0 || flags.includes("dynamic") || flags.includes("timeout")) return true;
  const elements = isList(set2.elem) ? set2.elem : [];
  return elements.some((e) => {
    const wrapped = isObject(e) ? e.elem : isList(e) && isObject(e[0]) ? e[0].elem : void 0;
    return isObject(wrapped) && (wrapped.timeout !== void 0 || wrapped.expires !== void 0);
  });
}
function writtenSets(json, family, into) {
  if (isList(json)) for (const item of json) writtenSets(item, family, into);
  if (!isObject(json)) return;
  for (const [name, inner] of Object.entries(json)) {
    if ((name === "set" || name === "map") && isObject(inner) && inner.op !== void 0) {
      const target = text(inner.set) ?? text(inner.map);
      into.add(`${family} ${target?.slice(1) ?? "?"}`);
    }
    writtenSets(inner, family, into);
  }
}
function baseOf(o) {
  const hook = text(o.hook);
  if (hook === void 0) return void 0;
  const type = text(o.type) ?? "?";
  const policy = text(o.policy) ?? "accept";
  if (!HOOKS.has(hook)) return `hook ${hook}`;
  if (type !== "filter" && type !== "route" && type !== "nat") return `chain type ${type}`;
  if (policy !== "accept" && policy !== "drop") return `policy ${policy}`;
  if (typeof o.prio !== "number") return "chain priority that is not a number";
  return { hook, priority: o.prio, type, policy };
}
function addChain(o, draft) {
  const family = text(o.family) ?? "?";
  const key2 = keyOf(o, o.name);
  if (!INET.has(family) || o.hook === "ingress" || o.hook === "egress") {
    if (o.hook !== void 0) draft.otherFilters.add(key2);
    if (!INET.has(family)) return;
  }
  const base = o.hook === "ingress" || o.hook === "egress" ? void 0 : baseOf(o);
  if (typeof base === "string") {
    draft.problems.add(`chain ${key2}: ${base} not understood`);
    return;
  }
  const rules = [];
  const chain = {
    family,
    table: text(o.table) ?? "?",
    name: text(o.name) ?? "?",
    key: key2,
    base,
    rules
  };
  if (draft.chains.has(key2)) draft.problems.add(`chain ${key2} listed twice`);
  draft.chains.set(key2, { chain, rules });
}
var empty = (problem) => ({
  chains: /* @__PURE__ */ new Map(),
  problems: [problem],
  otherFilters: [],
  nftVersion: ""
});
function parseRuleset(source) {
  const parsed = parseJson(source, RULESET_LIMITS.characters);
  if ("error" in parsed) return empty(`ruleset: ${parsed.error}`);
  const list = isObject(parsed.value) ? parsed.value.nftables : void 0;
  if (!isList(list)) return empty('ruleset: no "nftables" list');
  if (list.length > RULESET_LIMITS.objects)
    return empty(`ruleset: more than ${RULESET_LIMITS.objects} objects`);
  const draft = { chains: /* @__PURE__ */ new Map(), problems: /* @__PURE__ */ new Set(), otherFilters: /* @__PURE__ */ new Set() };
  const sets = /* @__PURE__ */ new Map();
  const maps = /* @__PURE__ */ new Map();
  const rules = [];
  const written = /* @__PURE__ */ new Set();
  let nftVersion = "";
  for (const item of list) {
    for (const [kind, o] of isObject(item) ? Object.entries(item) : [["?", null]]) {
      if (!isObject(o)) {
        draft.problems.add(`object "${kind}" not understood`);
      } else if (kind === "metainfo") {
        nftVersion = text(o.version) ?? "";
        if (o.json_schema_version !== 1) draft.problems.add("JSON schema version is not 1");
      } else if (kind === "table") {
        if (o.flags !== void 0) draft.problems.add(`table ${text(o.family)} ${text(o.name)} has flags`);
      } else if (kind === "chain") {
        addChain(o, draft);
      } else if (kind === "rule") {
        rules.push(o);
        writtenSets(o.expr ?? null, keyOf(o, "").trimEnd(), written);
      } else if (kind === "set") {
        sets.set(keyOf(o, o.name), o);
      } else if (kind === "map") {
        maps.set(keyOf(o, o.name), o);
      } else if (!PASSIVE.has(kind)) {
        draft.problems.add(`object "${kind}" not understood`);
      }
    }
  }
  const elements = (from2, scope) => (name) => {
    const found = from2.get(`${scope} ${name}`);
    if (!found) return void 0;
    const fixed = !changeable(found) && !written.has(`${scope} ${name}`);
    return { elements: fixed ? isList(found.elem) ? found.elem : [] : void 0 };
  };
  for (const o of rules) addRule(o, draft, elements);
  checkTargets(draft);
  if (draft.chains.size === 0) draft.problems.add("ruleset: no chain at all");
  return {
    chains: new Map([...draft.chains].map(([key2, d]) => [key2, d.chain])),
    problems: [...draft.problems],
    otherFilters: [...draft.otherFilters],
    nftVersion
  };
  function addRule(o, into, find) {
    const scope = keyOf(o, "").trimEnd();
    const key2 = keyOf(o, o.chain);
    const handle = count(o.handle) ?? 0;
    const context = {
      sets: find(sets, scope),
      maps: find(maps, scope),
      problem: (what) => into.problems.add(`rule ${handle} in ${key2}: ${what}`)
    };
    const expressions = isList(o.expr) ? o.expr : void 0;
    if (!expressions) context.problem("no expressions");
    const statements = (expressions ?? []).flatMap((e) => {
      const read = statement(e, context);
      return read ? [read] : [];
    });
    const home = into.chains.get(key2);
    if (home) home.rules.push({ handle, statements, text: ruleText(expressions ?? []) });
    else if (INET.has(text(o.family) ?? "?")) context.problem("its chain is not listed");
  }
}
function checkTargets(draft) {
  for (const { chain, rules } of draft.chains.values()) {
    for (const rule2 of rules) {
      for (const s of rule2.statements) {
        const verdicts = s.kind === "verdict" ? [s.verdict] : s.kind === "vmap" ? s.arms.map((a) => a.verdict) : [];
        for (const v of verdicts) {
          if (!("target" in v)) continue;
          if (!draft.chains.has(`${chain.family} ${chain.table} ${v.target}`)) {
            draft.problems.add(`rule ${rule2.handle} in ${chain.key}: jumps to a chain that is not listed`);
          }
        }
      }
    }
  }
}

// tests/isolation/fuzz/kernel.ts
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

// tests/isolation/fuzz/pools.ts
var CARDS = ["camera0", "trusted0", "usb0"];
var OURS = {
  camera0: ["10.0.0.1", "fd00::1"],
  trusted0: ["192.168.1.1", "fd00:1::1"],
  usb0: ["172.16.9.1", "fd00:2::1"]
};
var V4 = ["10.0.0.1", "10.0.0.11", "10.0.0.66", "192.168.1.1", "192.168.1.5", "172.16.9.1", "172.16.9.9", "8.8.8.8"];
var V4_NETS = ["10.0.0.0/24", "10.0.0.0/28", "192.168.0.0/16", "172.16.9.0/24", "0.0.0.0/1", "8.0.0.0/5"];
var V4_RANGES = ["10.0.0.2-10.0.0.65", "9.9.9.9-10.0.0.11", "172.16.0.0-192.168.1.4"];
var V6 = ["fd00::1", "fd00::66", "fd00:1::1", "fd00:1::5", "fd00:2::1", "fd00:2::9", "2001:db8::8"];
var V6_NETS = ["fd00::/64", "fd00:1::/64", "fd00::/15", "2001:db8::/32", "fd00::40/122"];
var PORTS = [22, 53, 67, 68, 80, 123, 443, 554, 3702, 8189, 8554, 4e4, 6e4];
var PORT_RANGES = ["0-79", "80-443", "1024-65535", "32768-60999", "50-70"];
var UIDS = [960, 961, 963, 1e3];
var PROTOCOLS2 = [1, 2, 6, 17, 47, 50, 58, 132];

// tests/isolation/fuzz/packets.ts
function checksum(data) {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += (data[i] ?? 0) * 256 + (data[i + 1] ?? 0);
  while (sum > 65535) sum = (sum & 65535) + (sum >>> 16);
  return ~sum & 65535;
}
function addressBytes(text2) {
  if (!text2.includes(":")) return Buffer.from(text2.split(".").map(Number));
  const [head, tail] = text2.split("::").map((half) => half === "" ? [] : half.split(":"));
  const groups = head?.length === 8 ? head : [...head ?? [], ...Array(8 - (head?.length ?? 0) - (tail?.length ?? 0)).fill("0"), ...tail ?? []];
  return Buffer.from(groups.map((g) => g.padStart(4, "0")).join(""), "hex");
}
function ipv4(tag2, saddr, daddr, protocol, payload2, fragment = 0) {
  const header = Buffer.alloc(20);
  header[0] = 69;
  header.writeUInt16BE(20 + payload2.length, 2);
  header.writeUInt16BE(tag2, 4);
  header.writeUInt16BE(fragment, 6);
  header[8] = 64;
  header[9] = protocol;
  addressBytes(saddr).copy(header, 12);
  addressBytes(daddr).copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, payload2]);
}
function ipv6(tag2, saddr, daddr, next, payload2) {
  const header = Buffer.alloc(40);
  header[0] = 96;
  header.writeUInt16BE(tag2, 2);
  header.writeUInt16BE(payload2.length, 4);
  header[6] = next;
  header[7] = 64;
  addressBytes(saddr).copy(header, 8);
  addressBytes(daddr).copy(header, 24);
  return Buffer.concat([header, payload2]);
}
var extension = (next) => Buffer.from([next, 0, 1, 4, 0, 0, 0, 0]);
function fragmentHeader(next, offset, more, tag2) {
  const header = Buffer.alloc(8);
  header[0] = next;
  header.writeUInt16BE(offset | (more ? 1 : 0), 2);
  header.writeUInt32BE(tag2, 4);
  return header;
}
function transport2(d, protocol) {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(d.pick(PORTS), 0);
  ports.writeUInt16BE(d.pick(PORTS), 2);
  if (protocol === 6) {
    const rest = Buffer.alloc(20);
    rest[8] = 80;
    rest[9] = d.pick([2, 2, 16, 18, 4, 17, 24, 0, 41]);
    rest.writeUInt16BE(1e3, 10);
    return Buffer.concat([ports, rest.subarray(0, 16), Buffer.alloc(d.pick([0, 4, 12]))]);
  }
  if (protocol === 17) {
    const payload2 = d.pick([0, 4, 20]);
    const rest = Buffer.alloc(4 + payload2);
    rest.writeUInt16BE(8 + payload2, 0);
    return Buffer.concat([ports, rest]);
  }
  if (protocol === 1) return Buffer.from([d.pick([0, 3, 8, 8, 13]), d.pick([0, 0, 1]), 0, 0, 0, 7, 0, 1]);
  if (protocol === 58) return Buffer.from([d.pick([1, 128, 128, 129, 135]), d.pick([0, 0, 3]), 0, 0, 0, 7, 0, 1]);
  return Buffer.concat([ports, Buffer.alloc(d.pick([0, 4, 12]))]);
}
function randomPacket(d, tag2) {
  const way = d.chance(0.6) ? "in" : "out";
  const version = d.chance(0.55) ? 4 : 6;
  const card = d.pick(CARDS);
  const hosts = version === 4 ? V4 : V6;
  const ours = OURS[card][version === 4 ? 0 : 1];
  const protocol = d.pick(version === 4 ? [6, 6, 6, 17, 17, 17, 1, 47, 132, 2] : [6, 6, 6, 17, 17, 17, 58, 47, 132]);
  const whole2 = transport2(d, protocol);
  const foreign = hosts.filter((h) => !Object.values(OURS).flat().includes(h));
  const saddr = way === "in" ? d.pick(d.chance(0.8) ? foreign : hosts) : d.chance(0.8) ? ours : d.pick(hosts);
  const daddr = way === "in" ? d.chance(0.5) ? ours : d.pick(hosts) : d.pick(foreign);
  const short = d.chance(0.06) ? whole2.subarray(0, d.below(whole2.length)) : whole2;
  const made = { tag: tag2, way, card, uid: d.pick(UIDS), version, saddr, daddr, protocol, transport: short };
  const split = short.length > 8 && d.chance(0.12);
  return { ...made, parts: version === 4 ? parts4(made, split) : parts6(made, split, d.chance(0.1)) };
}
function parts4(p, split) {
  if (!split) return [ipv4(p.tag, p.saddr, p.daddr, p.protocol, p.transport)];
  const head = ipv4(p.tag, p.saddr, p.daddr, p.protocol, p.transport.subarray(0, 8), 8192);
  return [head, ipv4(p.tag, p.saddr, p.daddr, p.protocol, p.transport.subarray(8), 1)];
}
function parts6(p, split, extended) {
  if (!split) {
    return extended ? [ipv6(p.tag, p.saddr, p.daddr, 60, Buffer.concat([extension(p.protocol), p.transport]))] : [ipv6(p.tag, p.saddr, p.daddr, p.protocol, p.transport)];
  }
  const piece = (offset, more, bytes) => ipv6(p.tag, p.saddr, p.daddr, 44, Buffer.concat([fragmentHeader(p.protocol, offset, more, p.tag), bytes]));
  return [piece(0, true, p.transport.subarray(0, 8)), piece(8, false, p.transport.subarray(8))];
}
var readable = (bytes) => bytes.length >= 14 ? 5n : BigInt(Math.min(bytes.length, 4));
var CT = { invalid: 1n, established: 2n, related: 4n, new: 8n, untracked: 64n };
var STATES = Object.keys(CT);
function readings(p, state, assembly, number) {
  const states = state === void 0 ? Object.values(CT) : [CT[state] ?? 0n];
  const address2 = (text2) => {
    const value2 = BigInt(`0x${addressBytes(text2).toString("hex")}`);
    return p.version === 4 ? value2 << 96n : value2;
  };
  const fields = (bytes) => ({
    thbytes: readable(bytes),
    sport: BigInt((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)),
    dport: BigInt((bytes[2] ?? 0) * 256 + (bytes[3] ?? 0)),
    flags: BigInt(bytes[13] ?? 0)
  });
  const split = p.parts.length > 1;
  const pieces = split ? [p.transport.subarray(0, 8), Buffer.alloc(0)] : [p.transport];
  return pieces.flatMap(
    (piece) => states.map((ct) => {
      const wire = fields(piece);
      return {
        frag: split ? 1n : 0n,
        joined: assembly.joined ? 1n : 0n,
        iif: p.way === "in" ? number(p.card) : 0n,
        oif: p.way === "out" ? number(p.card) : 0n,
        nfproto: p.version === 4 ? 2n : 10n,
        ct,
        l4ok: 1n,
        l4proto: BigInt(p.protocol),
        owned: p.way === "out" ? 1n : 0n,
        uid: p.way === "out" ? BigInt(p.uid) : 0n,
        saddr: address2(p.saddr),
        daddr: address2(p.daddr),
        ...fields(assembly.whole ? p.transport : piece),
        wireL4ok: 1n,
        wireL4proto: BigInt(p.protocol),
        wireThbytes: wire.thbytes,
        wireSport: wire.sport,
        wireDport: wire.dport,
        wireFlags: wire.flags
      };
    })
  );
}

// tests/isolation/fuzz/kernel.ts
var SENDER = fileURLToPath(new URL("./send.py", import.meta.url));
var MAC = Object.fromEntries(CARDS.map((card, i) => [card, `02000000000${i + 1}`]));
var HOOKS2 = ["prerouting", "input", "forward", "output"];
var tag = (set2) => `meta nfproto ipv4 add @${set2} { ip id }
meta nfproto ipv6 add @${set2} { @nh,16,16 }`;
var set = (name) => `set ${name} { typeof ip id; size 65535; flags dynamic; }`;
function probes(tracked) {
  const states = tracked ? STATES : [];
  const chain = (hook, name, priority, rules) => {
    const skip = hook === "output" ? "meta mark != 0x77 return\n" : "";
    return `chain ${name} { type filter hook ${hook} priority ${priority}; policy accept;
${skip}${rules}
}`;
  };
  return `table inet probe {
${HOOKS2.flatMap((hook) => [set(`${hook}0`), set(`${hook}1`)]).join("\n")}
${states.map((s) => set(`ct_${s}`)).join("\n")}
${HOOKS2.flatMap((hook) => [
    chain(hook, `${hook}_0`, -2147483648, tag(`${hook}0`)),
    chain(hook, `${hook}_1`, 2147483646, tag(`${hook}1`))
  ]).join("\n")}
${(tracked ? ["prerouting", "output"] : []).map((hook) => chain(hook, `${hook}_ct`, -199, states.map((s) => tag(`ct_${s}`).replaceAll("add", `ct state ${s} add`)).join("\n"))).join("\n")}
}`;
}
var Sender = class {
  #process;
  #lines;
  constructor(inside) {
    this.#process = spawn("nsenter", [...inside, "python3", SENDER], { stdio: ["pipe", "pipe", "inherit"] });
    if (!this.#process.stdout) throw new Error("no pipe to the sender");
    this.#lines = createInterface(this.#process.stdout);
  }
  /** Resolves when the kernel has taken them all. */
  async send(lines) {
    const done = once(this.#lines, "line");
    this.#process.stdin?.write([...lines, "flush", ""].join("\n"));
    await done;
  }
  async stop() {
    const gone = once(this.#process, "exit");
    this.#process.stdin?.end();
    await gone;
  }
};
var FuzzKernel = class _FuzzKernel {
  #holders;
  #box;
  #outside;
  #inside;
  constructor(holders, box, outside, inside) {
    this.#holders = holders;
    this.#box = box;
    this.#outside = outside;
    this.#inside = inside;
  }
  static async start() {
    const holders = [0, 1].map(() => spawn("unshare", ["-n", "sleep", "infinity"], { stdio: "ignore" }));
    const [box, world] = await Promise.all(holders.map(inOwnNamespace));
    if (!box || !world) throw new Error("no namespaces");
    const enter = (pid) => ["-t", String(pid), "-n"];
    const script = [
      "set -e",
      "ip link set lo up",
      "for f in all default; do for k in rp_filter=0 accept_local=1 forwarding=1; do sysctl -qw net.ipv4.conf.$f.$k; done; done",
      "sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0",
      ...CARDS.flatMap((card, i) => [
        `ip link add ${card} address 02:00:00:00:00:0${i + 1} type veth peer name ${card}p address 02:00:00:00:01:0${i + 1} netns ${world}`,
        `ip addr add ${OURS[card][0]}/24 dev ${card}`,
        `ip link set ${card} up`,
        `ip -6 addr add ${OURS[card][1]}/64 dev ${card} nodad`,
        `ip -6 route add default dev ${card} metric ${100 + i}`
      ]),
      "ip route add default dev trusted0"
    ].join("\n");
    execFileSync("nsenter", [...enter(world), "sh", "-c", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"], { stdio: "pipe" });
    execFileSync("nsenter", [...enter(box), "sh", "-c", script], { stdio: "pipe" });
    execFileSync("nsenter", [...enter(world), "sh", "-c", CARDS.map((card) => `ip link set ${card}p up`).join(" && ")], { stdio: "pipe" });
    return new _FuzzKernel(holders, enter(box), new Sender(enter(world)), new Sender(enter(box)));
  }
  #nft(args, input = "") {
    return execFileSync("nsenter", [...this.#box, "nft", ...args], { input, encoding: "utf8", stdio: "pipe", maxBuffer: 1 << 28 });
  }
  /** @returns the kernel's listing, or undefined when nft does not take the ruleset */
  load(ruleset) {
    try {
      this.#nft(["-f", "-"], `flush ruleset
${ruleset}`);
    } catch {
      return void 0;
    }
    return this.#nft(["-j", "-n", "list", "ruleset"]);
  }
  /** Opens flows both ways, so that some packets find a connection. Tracking stays on while a rule asks for it. */
  async openFlows(outgoing, incoming) {
    this.#nft(["-f", "-"], "flush ruleset\ntable inet keep { chain c { type filter hook prerouting priority 0; ct state new counter; }; }");
    execFileSync("nsenter", [...this.#box, "sh", "-c", "cd /proc/sys/net/netfilter && echo 0 >nf_conntrack_checksum && echo 0 >nf_conntrack_tcp_loose && echo 3600 >nf_conntrack_udp_timeout && echo 3600 >nf_conntrack_udp_timeout_stream"], { stdio: "pipe" });
    await this.#send(outgoing);
    await this.#send(incoming);
  }
  async #send(packets2) {
    const frame = (p, part) => `frame ${p.card}p ${MAC[p.card]}0200000001ff${p.version === 4 ? "0800" : "86dd"}${part.toString("hex")}`;
    const raw = (p, part) => `raw ${p.card} ${p.uid} ${p.version} ${p.daddr} ${part.toString("hex")}`;
    const lines = (way, line) => packets2.filter((p) => p.way === way).flatMap((p) => p.parts.map((part) => line(p, part)));
    await this.#outside.send(lines("in", frame));
    await this.#inside.send(lines("out", raw));
  }
  /** Sends packets through the loaded ruleset and reads off how far each came. */
  async run(packets2, tracked) {
    this.#nft(["-f", "-"], probes(tracked));
    await this.#send(packets2);
    const listing = JSON.parse(this.#nft(["-j", "list", "table", "inet", "probe"]));
    const sets = new Map(listing.nftables.flatMap(({ set: s }) => s ? [[s.name, new Set(s.elem ?? [])]] : []));
    const of = (name) => sets.get(name) ?? /* @__PURE__ */ new Set();
    const state = new Map(STATES.flatMap((s) => [...of(`ct_${s}`)].map((t) => [t, s])));
    const seen = Object.fromEntries(HOOKS2.flatMap((h) => [`${h}0`, `${h}1`]).map((name) => [name, of(name)]));
    return { ...seen, state };
  }
  async stop() {
    await Promise.all([this.#outside.stop(), this.#inside.stop()]);
    for (const holder of this.#holders) holder.kill("SIGKILL");
  }
};
async function inOwnNamespace(holder) {
  const { readlinkSync } = await import("node:fs");
  const own = readlinkSync("/proc/self/ns/net");
  const pid = holder.pid;
  for (let tries = 0; pid !== void 0 && holder.exitCode === null && tries < 500; tries++) {
    if (readlinkSync(`/proc/${pid}/ns/net`) !== own) return pid;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("unshare did not start");
}

// tests/isolation/fuzz/random.ts
var Dice = class {
  #state;
  constructor(seed) {
    this.#state = seed >>> 0;
  }
  /** Uniform in [0, 1): mulberry32. */
  next() {
    this.#state = this.#state + 1831565813 >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  }
  /** 0 to n-1. */
  below(n2) {
    return Math.floor(this.next() * n2);
  }
  chance(p) {
    return this.next() < p;
  }
  pick(list) {
    const item = list[this.below(list.length)];
    if (item === void 0) throw new RangeError("nothing to pick from");
    return item;
  }
  /** 1 to `most` different items. */
  some(list, most) {
    const taken = /* @__PURE__ */ new Set();
    const wanted = 1 + this.below(Math.min(most, list.length));
    while (taken.size < wanted) taken.add(this.pick(list));
    return [...taken];
  }
};

// tests/isolation/fuzz/rules.ts
var braces = (items) => `{ ${items.join(", ")} }`;
var NAMES2 = ['"camera0"', '"trusted0"', '"usb0"', '"cam*"', '"t*"', '"other0"'];
var STATES2 = ["new", "established", "related", "invalid", "untracked"];
var FLAGS = ["syn", "ack", "fin", "rst", "psh"];
function lookup(d, key2, values, ranges) {
  const not2 = d.chance(0.25) ? "!= " : "";
  if (d.chance(0.35)) return `${key2} ${not2}${braces(d.some(values, 4))}`;
  if (ranges.length > 0 && d.chance(0.4)) return `${key2} ${not2}${d.pick(ranges)}`;
  return `${key2} ${not2}${d.pick(values)}`;
}
function address(d, network, side) {
  const key2 = `${network} ${side}`;
  if (network === "ip" && d.chance(0.1)) return `${key2} & ${d.pick(["0.0.0.255 == 0.0.0.1", "255.0.255.0 == 10.0.0.0", "0.0.0.1 != 0.0.0.0"])}`;
  return network === "ip" ? lookup(d, key2, V4, [...V4_NETS, ...V4_RANGES]) : lookup(d, key2, V6, V6_NETS);
}
function transportMatch(d, transport3) {
  if (transport3 === "icmp") return d.chance(0.5) ? lookup(d, "icmp type", [0, 3, 8, 13], ["3-8"]) : "icmp code 0";
  if (transport3 === "icmpv6") return lookup(d, "icmpv6 type", [1, 128, 129, 135], ["128-135"]);
  if (transport3 === "tcp" && d.chance(0.25)) {
    return d.pick(["tcp flags syn", "tcp flags & (syn|ack) == syn", "tcp flags ! fin", `tcp flags ${d.pick(FLAGS)},${d.pick(FLAGS)}`, "tcp flags & (fin|rst) != 0"]);
  }
  const base = transport3 === "any" ? "th" : transport3;
  const key2 = `${base} ${d.pick(["sport", "dport"])}`;
  return d.chance(0.1) ? `${key2} ${d.pick(["<", ">", "<=", ">="])} ${d.pick(PORTS)}` : lookup(d, key2, PORTS, PORT_RANGES);
}
function concatenation(d, network, transport3) {
  const host = network === "ip" ? V4 : V6;
  const nets = network === "ip" ? [...V4, ...V4_NETS.slice(0, 3), ...V4_RANGES.slice(0, 1)] : [...V6, ...V6_NETS.slice(0, 2)];
  const wide = d.chance(0.4);
  const items = Array.from({ length: 1 + d.below(4) }, () => `${d.pick(wide ? nets : host)} . ${wide && d.chance(0.3) ? d.pick(PORT_RANGES) : d.pick(PORTS)}`);
  return `${network} ${d.pick(["saddr", "daddr"])} . ${transport3} ${d.pick(["sport", "dport"])} ${d.chance(0.2) ? "!= " : ""}${braces([...new Set(items)].slice(0, wide ? 1 : 4))}`;
}
function match(d, place, network, transport3) {
  const side = d.pick(["saddr", "daddr"]);
  const kinds = [
    () => `iifname ${d.chance(0.3) ? "!= " : ""}${d.chance(0.3) ? braces(d.some(NAMES2.slice(0, 3), 3)) : d.pick(NAMES2)}`,
    () => `oifname ${d.chance(0.3) ? "!= " : ""}${d.pick(NAMES2)}`,
    () => d.pick(["limit rate 5/second", "limit rate over 5/second", "meta mark 0", "meta length > 60", 'iif "lo"', "meta pkttype host", "fib daddr type local"])
  ];
  if (transport3 === "any") kinds.push(() => lookup(d, "meta l4proto", PROTOCOLS2, []));
  if (network === "any" && place.table.family === "inet") kinds.push(() => `meta nfproto ${d.pick(["ipv4", "ipv6"])}`);
  if (network !== "any") {
    kinds.push(() => address(d, network, side), () => address(d, network, side), () => address(d, network, side));
    kinds.push(() => network === "ip" ? "ip ttl 64" : "ip6 hoplimit 64");
    if (transport3 === "any") kinds.push(() => network === "ip" ? d.pick(["ip protocol udp", "ip protocol != tcp"]) : "ip6 nexthdr udp");
    const names = place.table.named.get(network) ?? [];
    if (names.length > 0) kinds.push(() => `${network} ${side} ${d.chance(0.3) ? "!= " : ""}@${d.pick(names)}`);
    if (transport3 === "tcp" || transport3 === "udp") kinds.push(() => concatenation(d, network, transport3));
  }
  kinds.push(() => transportMatch(d, transport3), () => transportMatch(d, transport3));
  if (place.hook === "output") kinds.push(() => lookup(d, "meta skuid", UIDS, ["960-962", "0-999"]), () => lookup(d, "meta skuid", UIDS, []));
  if (place.tracked) {
    kinds.push(() => `ct state ${d.chance(0.25) ? "!= " : ""}${d.some(STATES2, 3).join(",")}`);
    kinds.push(() => `ct state ${braces(d.some(STATES2, 3))}`, () => `ct direction ${d.pick(["original", "reply"])}`);
  }
  return d.pick(kinds)();
}
function verdict(d, targets) {
  const roll = d.next();
  if (targets.length > 0 && roll < 0.3) return `${d.pick(["jump", "goto"])} ${d.pick(targets)}`;
  if (roll < 0.6) return "accept";
  if (roll < 0.88) return "drop";
  return d.pick(["return", "continue", "counter", ""]);
}
function verdictMap(d, network, transport3, targets) {
  const arm = () => {
    const v = verdict(d, targets);
    return v === "counter" || v === "" ? "continue" : v;
  };
  const map = (key2, values) => `${key2} vmap ${braces(d.some(values, 4).map((value2) => `${value2} : ${arm()}`))}`;
  if (transport3 === "tcp" || transport3 === "udp") return map(`${transport3} dport`, PORTS);
  if (network === "ip") return map("ip saddr", V4);
  if (network === "ip6") return map("ip6 daddr", V6);
  return d.chance(0.5) ? map("iifname", NAMES2.slice(0, 3)) : map("meta l4proto", PROTOCOLS2);
}
function rule(d, place, targets) {
  const { family } = place.table;
  const network = family === "inet" ? d.pick(["any", "ip", "ip6", "ip"]) : family;
  const transports = ["any", "tcp", "udp", "tcp", "udp", network === "ip6" ? "icmpv6" : network === "ip" ? "icmp" : "any"];
  const transport3 = d.pick(transports);
  const parts = Array.from({ length: d.below(3) + (d.chance(0.9) ? 1 : 0) }, () => match(d, place, network, transport3));
  if (network !== "any" && d.chance(0.07)) parts.push(`add @full_${network} { ${network} saddr }`);
  parts.push(d.chance(0.12) ? verdictMap(d, network, transport3, targets) : verdict(d, targets));
  return parts.filter((p) => p !== "").join(" ") || "counter";
}
function table(d, family, index, tracked) {
  const t = { family, sets: [], named: /* @__PURE__ */ new Map() };
  for (const network of family === "inet" ? ["ip", "ip6"] : [family]) {
    const type = network === "ip" ? "ipv4_addr" : "ipv6_addr";
    t.sets.push(`set full_${network} { type ${type}; size 2; flags dynamic; }`);
    t.sets.push(`set hosts_${network} { type ${type}; elements = ${braces(d.some(network === "ip" ? V4 : V6, 4))}; }`);
    t.sets.push(`set nets_${network} { type ${type}; flags interval; elements = ${braces(d.some((network === "ip" ? V4_NETS : V6_NETS).slice(0, 1), 1))}; }`);
    t.named.set(network, [`hosts_${network}`, `nets_${network}`, `full_${network}`]);
  }
  const out = [];
  const targets = [];
  for (let i = d.below(4); i > 0; i--) {
    const rules = Array.from({ length: 1 + d.below(4) }, () => rule(d, { table: t, hook: void 0, tracked }, targets));
    const name = `sub${i}`;
    out.push(`chain ${name} {
${rules.join("\n")}
}`);
    targets.push(name);
  }
  const hooks = ["prerouting", "input", "forward", "output"].filter(() => d.chance(0.75));
  for (const hook of hooks) {
    for (let i = d.chance(0.2) ? 2 : 1; i > 0; i--) {
      const priority = d.pick([-450, -402, -400, -300, -250, -150, 0, 0, 10]) + i - 1;
      const place = { table: t, hook, tracked };
      const rules = Array.from({ length: 1 + d.below(7) }, () => rule(d, place, targets));
      if (tracked && priority <= -298 && (hook === "prerouting" || hook === "output") && d.chance(0.4)) {
        rules.unshift(`${match(d, place, "any", "udp")} notrack`);
      }
      const policy = d.chance(0.3) ? "drop" : "accept";
      out.push(`chain ${hook}${i} {
type filter hook ${hook} priority ${priority}; policy ${policy};
${rules.join("\n")}
}`);
    }
  }
  return `table ${family} fuzz${index} {
${[...t.sets, ...out].join("\n")}
}
`;
}
function randomRuleset(d, tracked) {
  const families = ["inet"];
  if (d.chance(0.35)) families.push(d.pick(["ip", "ip6", "inet"]));
  return families.map((family, i) => table(d, family, i, tracked)).join("");
}

// tests/isolation/fuzz/compare.ts
var PACKETS = 300;
function flows() {
  const outgoing = [];
  const incoming = [];
  const hosts = { camera0: ["10.0.0.66", "fd00::66"], trusted0: ["192.168.1.5", "fd00:1::5"], usb0: ["172.16.9.9", "fd00:2::9"] };
  for (const card of CARDS) {
    for (const [i, version] of [4, 6].entries()) {
      for (const [mine, theirs] of [[4e4, 554], [443, 6e4], [123, 123], [8189, 4e4]]) {
        const saddr = OURS[card][i] ?? "";
        const daddr = hosts[card][i] ?? "";
        const udp = (from2, to) => Buffer.from([from2 >> 8, from2 & 255, to >> 8, to & 255, 0, 8, 0, 0]);
        const ip = version === 4 ? ipv4 : ipv6;
        const common = { tag: 0, card, uid: 1e3, version, protocol: 17 };
        const there = udp(mine, theirs);
        const back = udp(theirs, mine);
        outgoing.push({ ...common, way: "out", saddr, daddr, transport: there, parts: [ip(1, saddr, daddr, 17, there)] });
        incoming.push({ ...common, way: "in", saddr: daddr, daddr: saddr, transport: back, parts: [ip(1, daddr, saddr, 17, back)] });
      }
    }
  }
  return { outgoing, incoming };
}
async function compare2(kernel, seed, tracked, stages = stageOf) {
  const dice = new Dice(seed);
  const rules = randomRuleset(dice, tracked);
  const listing = kernel.load(rules);
  const nothing = { seed, refused: true, packets: 0, decisions: 0, sure: 0, unsound: [], overpromised: [], disagreements: [] };
  if (listing === void 0) return nothing;
  const packets2 = Array.from({ length: PACKETS }, (_, i) => randomPacket(dice, i + 1));
  const open = flows();
  for (const p of [...open.outgoing, ...open.incoming]) {
    const t = packets2.length + 1;
    const ip = p.version === 4 ? ipv4 : ipv6;
    packets2.push({ ...p, tag: t, parts: [ip(t, p.saddr, p.daddr, p.protocol, p.transport)] });
  }
  const seen = await kernel.run(packets2, tracked);
  const ruleset = parseRuleset(listing);
  const interfaces = Interfaces.of(ruleset.chains.values(), CARDS);
  const alg = new BddAlgebra(interfaces.bits);
  const executor = new Executor(alg, ruleset, interfaces, false, stages);
  const replay = new Replay(ruleset, interfaces);
  const number = (card) => BigInt(interfaces.number(card) ?? 0);
  const unsound = [];
  const overpromised = [];
  const disagreements = [];
  let decisions = 0;
  let sure2 = 0;
  for (const hook of HOOKS2) {
    const fate = executor.path(alg.yes, [hook]);
    for (const p of packets2) {
      if (hook === "output" !== (p.way === "out") || !seen[`${hook}0`].has(p.tag)) continue;
      const passed = seen[`${hook}1`].has(p.tag);
      const assembly = { joined: tracked, whole: tracked || hook === "input" && p.version === 4 };
      const views = readings(p, seen.state.get(p.tag), assembly, number).flatMap((view2) => leaving(view2, hook, interfaces));
      const may = views.some((view2) => alg.contains(fate.accepted, view2));
      const must = views.every((view2) => !alg.contains(fate.dropped, view2));
      decisions++;
      if (may === must) sure2++;
      const label = `seed ${seed} ${hook} ${describe(p)} ct ${seen.state.get(p.tag)}`;
      if (passed && !may) unsound.push(label);
      if (!passed && must) overpromised.push(label);
      const [view] = views;
      if (!view || stages !== stageOf) continue;
      const ways = { accepted: replay.walk(view, [hook], "accept"), dropped: replay.walk(view, [hook], "drop") };
      if (alg.contains(fate.accepted, view) !== (ways.accepted !== void 0)) disagreements.push(`accept: ${label}`);
      if (alg.contains(fate.dropped, view) !== (ways.dropped !== void 0)) disagreements.push(`drop: ${label}`);
    }
  }
  return { seed, refused: false, packets: packets2.length, decisions, sure: sure2, unsound, overpromised, disagreements };
}
function leaving(view, hook, interfaces) {
  if (hook !== "forward") return [view];
  return CARDS.map((card) => ({ ...view, oif: BigInt(interfaces.number(card) ?? 0) }));
}
var describe = (p) => `${p.way} ${p.card} v${p.version} ${p.saddr} > ${p.daddr} proto ${p.protocol} ${p.transport.toString("hex").slice(0, 32)} uid ${p.uid} parts ${p.parts.length}`;

// ../../tmp/contain/fz.ts
var mode = process.argv[4];
var st = mode === "ct" ? (h, p) => ({ ...stageOf(h, p), early: false }) : mode === "wire" ? (h, p) => ({ ...stageOf(h, p), wire: false }) : stageOf;
var k = await FuzzKernel.start();
var from = Number(process.argv[2]);
var n = Number(process.argv[3]);
var refused = 0;
var packets = 0;
var dec = 0;
var sure = 0;
var uns = 0;
var over = 0;
var dis = 0;
var rulesets = 0;
var shown = 0;
for (const tracked of [true, false]) {
  if (tracked) {
    const f = flows();
    await k.openFlows(f.outgoing, f.incoming);
  }
  for (let s = from; s < from + n; s++) {
    const o = await compare2(k, s * 2 + (tracked ? 1 : 0), tracked, st);
    if (o.refused) refused++;
    else rulesets++;
    packets += o.packets;
    dec += o.decisions;
    sure += o.sure;
    uns += o.unsound.length;
    over += o.overpromised.length;
    dis += o.disagreements.length;
    for (const l of [...o.unsound.slice(0, 2).map((x) => "UNSOUND " + x), ...o.overpromised.slice(0, 2).map((x) => "OVER " + x), ...o.disagreements.slice(0, 2).map((x) => "DIS " + x)]) if (shown++ < 40) console.log(l);
  }
}
console.log({ rulesets, refused, packets, dec, sure, uns, over, dis });
await k.stop();
