/** A box with three cards in a namespace, the other ends of the cables in another, and probes around every hook. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { STATES, type TestPacket } from './packets.ts';
import { CARDS, OURS } from './pools.ts';

const SENDER = fileURLToPath(new URL('./send.py', import.meta.url));
const MAC = Object.fromEntries(CARDS.map((card, i) => [card, `02000000000${i + 1}`]));

/** Where a packet was seen: before and behind the rules of each hook, and its connection state. */
export const HOOKS = ['prerouting', 'input', 'forward', 'output'] as const;
export type ProbedHook = (typeof HOOKS)[number];
export type Seen = Readonly<Record<`${ProbedHook}${'0' | '1'}`, ReadonlySet<number>>> & {
  state: ReadonlyMap<number, string>;
};

const tag = (set: string): string =>
  `meta nfproto ipv4 add @${set} { ip id }\nmeta nfproto ipv6 add @${set} { @nh,16,16 }`;
const set = (name: string): string => `set ${name} { typeof ip id; size 65535; flags dynamic; }`;

function probes(tracked: boolean): string {
  const states = tracked ? STATES : [];
  const chain = (hook: string, name: string, priority: number, rules: string): string => {
    // On the way out only what the sender marked: the kernel answers by itself, with tags of its own.
    const skip = hook === 'output' ? 'meta mark != 0x77 return\n' : '';
    return `chain ${name} { type filter hook ${hook} priority ${priority}; policy accept;\n${skip}${rules}\n}`;
  };
  return `table inet probe {
${HOOKS.flatMap((hook) => [set(`${hook}0`), set(`${hook}1`)]).join('\n')}
${states.map((s) => set(`ct_${s}`)).join('\n')}
${HOOKS.flatMap((hook) => [
  chain(hook, `${hook}_0`, -2147483648, tag(`${hook}0`)),
  chain(hook, `${hook}_1`, 2147483646, tag(`${hook}1`)),
]).join('\n')}
${(tracked ? ['prerouting', 'output'] : [])
  .map((hook) =>
    chain(
      hook,
      `${hook}_ct`,
      -199,
      states.map((s) => tag(`ct_${s}`).replaceAll('add', `ct state ${s} add`)).join('\n'),
    ),
  )
  .join('\n')}
}`;
}

export function noKernel(): string | undefined {
  try {
    execFileSync('unshare', ['-n', 'nft', 'list', 'ruleset'], { stdio: 'pipe' });
    execFileSync('python3', ['-c', 'import ctypes, socket'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'needs root, namespaces, nft and python3';
  }
}

class Sender {
  readonly #process: ChildProcess;
  readonly #lines: Interface;

  constructor(inside: readonly string[]) {
    this.#process = spawn('nsenter', [...inside, 'python3', SENDER], { stdio: ['pipe', 'pipe', 'inherit'] });
    if (!this.#process.stdout) throw new Error('no pipe to the sender');
    this.#lines = createInterface(this.#process.stdout);
  }

  /** Resolves when the kernel has taken them all. */
  async send(lines: readonly string[]): Promise<void> {
    const done = once(this.#lines, 'line');
    this.#process.stdin?.write([...lines, 'flush', ''].join('\n'));
    await done;
  }

  async stop(): Promise<void> {
    const gone = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await gone;
  }
}

export class FuzzKernel {
  readonly #holders: ChildProcess[];
  readonly #box: readonly string[];
  readonly #outside: Sender;
  readonly #inside: Sender;

  private constructor(holders: ChildProcess[], box: readonly string[], outside: Sender, inside: Sender) {
    this.#holders = holders;
    this.#box = box;
    this.#outside = outside;
    this.#inside = inside;
  }

  static async start(): Promise<FuzzKernel> {
    // Each lives as long as its input is open, so no longer than this process.
    const holders = [0, 1].map(() =>
      spawn('unshare', ['-n', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] }),
    );
    const [box, world] = await Promise.all(holders.map(inOwnNamespace));
    if (!box || !world) throw new Error('no namespaces');
    const enter = (pid: number) => ['-t', String(pid), '-n'];
    const script = [
      'set -e',
      'ip link set lo up',
      'sysctl -qw net.ipv4.ipfrag_time=2 net.ipv6.ip6frag_time=2',
      'for f in all default; do for k in rp_filter=0 accept_local=1 forwarding=1; do sysctl -qw net.ipv4.conf.$f.$k; done; done',
      'sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0',
      ...CARDS.flatMap((card, i) => [
        `ip link add ${card} address 02:00:00:00:00:0${i + 1} type veth peer name ${card}p address 02:00:00:00:01:0${i + 1} netns ${world}`,
        `ip addr add ${OURS[card][0]}/24 dev ${card}`,
        `ip link set ${card} up`,
        `ip -6 addr add ${OURS[card][1]}/64 dev ${card} nodad`,
        `ip -6 route add default dev ${card} metric ${100 + i}`,
      ]),
      'ip route add default dev trusted0',
    ].join('\n');
    execFileSync(
      'nsenter',
      [
        ...enter(world),
        'sh',
        '-c',
        'sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1',
      ],
      { stdio: 'pipe' },
    );
    execFileSync('nsenter', [...enter(box), 'sh', '-c', script], { stdio: 'pipe' });
    execFileSync(
      'nsenter',
      [...enter(world), 'sh', '-c', CARDS.map((card) => `ip link set ${card}p up`).join(' && ')],
      { stdio: 'pipe' },
    );
    // Packets of ours carry no checksums, and a connection is what we say it is. The keys exist once a rule tracks.
    const tracking = [
      'checksum=0',
      'tcp_loose=0',
      'udp_timeout=3600',
      'udp_timeout_stream=3600',
      'frag6_timeout=2',
    ];
    const rules =
      'table inet keep { chain c { type filter hook prerouting priority 0; ct state new counter; }; }';
    const keys = tracking.map((key) => `net.netfilter.nf_conntrack_${key}`).join(' ');
    const settle = `nft '${rules}' && sysctl -qw ${keys} && nft flush ruleset`;
    execFileSync('nsenter', [...enter(box), 'sh', '-c', settle], { stdio: 'pipe' });
    return new FuzzKernel(holders, enter(box), new Sender(enter(world)), new Sender(enter(box)));
  }

  #nft(args: readonly string[], input = ''): string {
    return execFileSync('nsenter', [...this.#box, 'nft', ...args], {
      input,
      encoding: 'utf8',
      stdio: 'pipe',
      maxBuffer: 1 << 28,
    });
  }

  /** @returns the kernel's listing, or undefined when nft does not take the ruleset, or fails to list it (1.0.6 aborts now and then) */
  load(ruleset: string): string | undefined {
    try {
      this.#nft(['-f', '-'], `flush ruleset\n${ruleset}`);
      return this.#nft(['-j', '-n', 'list', 'ruleset']);
    } catch {
      return undefined;
    }
  }

  /** Opens flows both ways, so that some packets find a connection. Tracking stays on while a rule asks for it. */
  async openFlows(outgoing: readonly TestPacket[], incoming: readonly TestPacket[]): Promise<void> {
    this.#nft(
      ['-f', '-'],
      'flush ruleset\ntable inet keep { chain c { type filter hook prerouting priority 0; ct state new counter; }; }',
    );
    await this.#send(outgoing);
    await this.#send(incoming);
  }

  /** Empties the connection table: nothing a former ruleset let in is known any more. */
  async forget(): Promise<void> {
    await this.#inside.send(['forget']);
  }

  async #send(packets: readonly TestPacket[]): Promise<void> {
    const frame = (p: TestPacket, part: Buffer): string =>
      `frame ${p.card}p ${MAC[p.card]}0200000001ff${p.version === 4 ? '0800' : '86dd'}${part.toString('hex')}`;
    const raw = (p: TestPacket, part: Buffer): string =>
      `raw ${p.card} ${p.uid} ${p.version} ${p.daddr} ${part.toString('hex')}`;
    const lines = (way: 'in' | 'out', line: typeof frame): string[] =>
      packets.filter((p) => p.way === way).flatMap((p) => p.parts.map((part) => line(p, part)));
    await this.#outside.send(lines('in', frame));
    await this.#inside.send(lines('out', raw));
  }

  /** Sends packets through the loaded ruleset and reads off how far each came. */
  async run(packets: readonly TestPacket[], tracked: boolean): Promise<Seen> {
    this.#nft(['-f', '-'], probes(tracked));
    await this.#send(packets);
    const listing = JSON.parse(this.#nft(['-j', 'list', 'table', 'inet', 'probe'])) as {
      nftables: { set?: { name: string; elem?: number[] } }[];
    };
    const sets = new Map(
      listing.nftables.flatMap(({ set: s }) => (s ? [[s.name, new Set(s.elem ?? [])] as const] : [])),
    );
    const of = (name: string): ReadonlySet<number> => sets.get(name) ?? new Set();
    const state = new Map(STATES.flatMap((s) => [...of(`ct_${s}`)].map((t) => [t, s] as const)));
    const seen = Object.fromEntries(HOOKS.flatMap((h) => [`${h}0`, `${h}1`]).map((name) => [name, of(name)]));
    return { ...(seen as Omit<Seen, 'state'>), state } as Seen;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#outside.stop(), this.#inside.stop()]);
    for (const holder of this.#holders) holder.stdin?.end();
  }
}

/** The process, once it has a network namespace of its own. */
async function inOwnNamespace(holder: ChildProcess): Promise<number> {
  const { readlinkSync } = await import('node:fs');
  const own = readlinkSync('/proc/self/ns/net');
  const pid = holder.pid;
  for (let tries = 0; pid !== undefined && holder.exitCode === null && tries < 500; tries++) {
    if (readlinkSync(`/proc/${pid}/ns/net`) !== own) return pid;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('unshare did not start');
}
