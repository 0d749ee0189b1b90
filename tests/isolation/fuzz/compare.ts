/** One random ruleset: what the kernel does with each packet against what the model says may and must happen. */
import {
  BddAlgebra,
  Executor,
  type Hook,
  Interfaces,
  type Packet,
  parseRuleset,
  Replay,
  stageOf,
} from '@opennvr/containment/model';
import { type FuzzKernel, HOOKS } from './kernel.ts';
import { ipv4, ipv6, randomPacket, readings, type TestPacket } from './packets.ts';
import { CARDS, OURS } from './pools.ts';
import { Dice } from './random.ts';
import { randomRuleset } from './rules.ts';

export interface Outcome {
  seed: number;
  /** nft did not take it. */
  refused: boolean;
  packets: number;
  /** Hooks entered by a packet, and of these, how many the model was sure about. */
  decisions: number;
  sure: number;
  /** The kernel let through what the model says cannot pass; or dropped what the model says must. */
  unsound: readonly string[];
  overpromised: readonly string[];
  /** The two evaluators of the model differ. */
  disagreements: readonly string[];
  /** How many packets the kernel saw in each connection state. */
  states: ReadonlyMap<string, number>;
}

const PACKETS = 300;

/** Flows that some packets of the pools belong to. */
export function flows(): { outgoing: TestPacket[]; incoming: TestPacket[] } {
  const outgoing: TestPacket[] = [];
  const incoming: TestPacket[] = [];
  const hosts = {
    camera0: ['10.0.0.66', 'fd00::66'],
    trusted0: ['192.168.1.5', 'fd00:1::5'],
    usb0: ['172.16.9.9', 'fd00:2::9'],
  } as const;
  for (const card of CARDS) {
    for (const [i, version] of ([4, 6] as const).entries()) {
      for (const [mine, theirs] of [
        [40000, 554],
        [443, 60000],
        [123, 123],
        [8189, 40000],
      ] as const) {
        const saddr = OURS[card][i] ?? '';
        const daddr = hosts[card][i] ?? '';
        const udp = (from: number, to: number): Buffer =>
          Buffer.from([from >> 8, from & 255, to >> 8, to & 255, 0, 8, 0, 0]);
        const ip = version === 4 ? ipv4 : ipv6;
        const common = { tag: 0, card, uid: 1000, version, protocol: 17, cut: 8 };
        const there = udp(mine, theirs);
        const back = udp(theirs, mine);
        outgoing.push({
          ...common,
          way: 'out',
          saddr,
          daddr,
          transport: there,
          parts: [ip(1, saddr, daddr, 17, there)],
        });
        incoming.push({
          ...common,
          way: 'in',
          saddr: daddr,
          daddr: saddr,
          transport: back,
          parts: [ip(1, daddr, saddr, 17, back)],
        });
      }
    }
  }
  return { outgoing, incoming };
}

export async function compare(
  kernel: FuzzKernel,
  seed: number,
  tracked: boolean,
  stages = stageOf,
): Promise<Outcome> {
  const dice = new Dice(seed);
  const rules = randomRuleset(dice, tracked);
  const listing = kernel.load(rules);
  const nothing = {
    seed,
    refused: true,
    packets: 0,
    decisions: 0,
    sure: 0,
    unsound: [],
    overpromised: [],
    disagreements: [],
    states: new Map<string, number>(),
  };
  if (listing === undefined) return nothing;
  // Pieces that were never joined lie in the kernel for a while: the next ruleset's packets have other tags.
  const first = (seed % 100) * 600 + 1;
  const packets = Array.from({ length: PACKETS }, (_, i) => randomPacket(dice, first + i));
  // Most packets of the pools start something new: some go along the flows that are open.
  const open = flows();
  for (const p of [...open.outgoing, ...open.incoming]) {
    const t = first + packets.length;
    const ip = p.version === 4 ? ipv4 : ipv6;
    packets.push({ ...p, tag: t, parts: [ip(t, p.saddr, p.daddr, p.protocol, p.transport)] });
  }
  const seen = await kernel.run(packets, tracked);
  const states = new Map<string, number>();
  for (const state of seen.state.values()) states.set(state, (states.get(state) ?? 0) + 1);

  const ruleset = parseRuleset(listing);
  const interfaces = Interfaces.of(ruleset.chains.values(), CARDS);
  const alg = new BddAlgebra(interfaces.bits);
  const executor = new Executor(alg, ruleset, interfaces, false, stages);
  const replay = new Replay(ruleset, interfaces);
  const number = (card: string): bigint => BigInt(interfaces.number(card) ?? 0);
  const unsound: string[] = [];
  const overpromised: string[] = [];
  const disagreements: string[] = [];
  let decisions = 0;
  let sure = 0;
  for (const hook of HOOKS) {
    const fate = executor.path(alg.yes, [hook]);
    for (const p of packets) {
      if ((hook === 'output') !== (p.way === 'out') || !seen[`${hook}0`].has(p.tag)) continue;
      const passed = seen[`${hook}1`].has(p.tag);
      const assembly = { joined: tracked, whole: tracked || (hook === 'input' && p.version === 4) };
      const views = readings(p, seen.state.get(p.tag), assembly, number).flatMap((view) =>
        leaving(view, hook, interfaces),
      );
      const may = views.some((view) => alg.contains(fate.accepted, view));
      const must = views.every((view) => !alg.contains(fate.dropped, view));
      decisions++;
      if (may === must) sure++;
      const label = `seed ${seed} ${hook} ${describe(p)} ct ${seen.state.get(p.tag)}`;
      if (passed && !may) unsound.push(label);
      if (!passed && must) overpromised.push(label);
      const [view] = views;
      if (!view || stages !== stageOf) continue;
      const ways = {
        accepted: replay.walk(view, [hook], 'accept'),
        dropped: replay.walk(view, [hook], 'drop'),
      };
      if (alg.contains(fate.accepted, view) !== (ways.accepted !== undefined))
        disagreements.push(`accept: ${label}`);
      if (alg.contains(fate.dropped, view) !== (ways.dropped !== undefined))
        disagreements.push(`drop: ${label}`);
    }
  }
  return {
    seed,
    refused: false,
    packets: packets.length,
    decisions,
    sure,
    unsound,
    overpromised,
    disagreements,
    states,
  };
}

/** A forwarded packet leaves by a card that routing chose: any. */
function leaving(view: Packet, hook: Hook, interfaces: Interfaces): Packet[] {
  if (hook !== 'forward') return [view];
  return CARDS.map((card) => ({ ...view, oif: BigInt(interfaces.number(card) ?? 0) }));
}

const describe = (p: TestPacket): string =>
  `${p.way} ${p.card} v${p.version} ${p.saddr} > ${p.daddr} proto ${p.protocol} ${p.transport.toString('hex').slice(0, 32)} uid ${p.uid} parts ${p.parts.length}`;
