/** The facts for `checkHost`, from /proc and iproute2. Whatever cannot be found out stays undefined. */
import { readdir, readFile } from 'node:fs/promises';
import type { HostFacts, HostInterface, HostRoute, Policy } from '@opennvr/containment';
import { z } from 'zod';
import { cardsElsewhere } from './namespaces.ts';
import { OutsideError, outputOf } from './outside.ts';

const CONF4 = '/proc/sys/net/ipv4/conf';
const CONF6 = '/proc/sys/net/ipv6/conf';

const linkSchema = z.object({
  ifindex: z.int(),
  ifname: z.string(),
  link: z.string().optional(),
  master: z.string().optional(),
  linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  xdp: z
    .object({ prog: z.object({ id: z.int().optional(), name: z.string().optional() }).optional() })
    .optional(),
  addr_info: z
    .array(z.object({ family: z.string(), local: z.string().optional(), prefixlen: z.int() }))
    .default([]),
});
type Link = z.infer<typeof linkSchema>;

const hop = z.object({ dev: z.string() });
const routeSchema = z.object({
  type: z.string().optional(),
  dst: z.string(),
  dev: z.string().optional(),
  nexthops: z.array(hop).optional(),
});
const qdiscSchema = z.object({ kind: z.string(), dev: z.string() });
const filterSchema = z.object({ kind: z.string().optional() });

/** Needs root for other namespaces and tc; without, those facts are undefined. */
export async function collectHostFacts(policy: Policy): Promise<HostFacts> {
  const links = await attempted(async () =>
    z.array(linkSchema).parse(JSON.parse(await outputOf('ip', ['-j', '-d', 'address', 'show']))),
  );
  const watched = [policy.camera.interface, policy.trusted.interface, 'lo'];
  return {
    ipForward: await attempted(() => anyForwards(CONF4)),
    ip6Forward: await attempted(() => anyForwards(CONF6)),
    interfaces: links && (await attempted(() => interfacesOf(links, watched))),
    routes: await attempted(readRoutes),
    cardsElsewhere: await attempted(cardsElsewhere),
    packetSockets: links && (await attempted(() => readPacketSockets(links))),
  };
}

/** undefined for what the machine does not tell; a fault of ours goes on. */
async function attempted<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    const known =
      error instanceof OutsideError || error instanceof SyntaxError || error instanceof z.ZodError;
    if (known || (error instanceof Error && 'syscall' in error)) return undefined;
    throw error;
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

async function sysctl(path: string): Promise<number> {
  const text = (await readFile(path, 'utf8')).trim();
  if (!/^\d{1,10}$/.test(text)) throw new OutsideError(`${path}: not a number`);
  return Number(text);
}

/** The kernel routes by the setting of the interface a packet came in on; `ip_forward` only sets them all at once. */
async function anyForwards(conf: string): Promise<boolean> {
  let names: string[];
  try {
    names = await readdir(conf);
  } catch (error) {
    if (isMissing(error) && conf === CONF6) return false; // a kernel without IPv6
    throw error;
  }
  const settings = await Promise.all(names.map((name) => sysctl(`${conf}/${name}/forwarding`)));
  return settings.some((on) => on !== 0);
}

async function interfacesOf(links: readonly Link[], watched: readonly string[]): Promise<HostInterface[]> {
  const programs = await programsOf(links, watched);
  return Promise.all(
    links.map(async (link): Promise<HostInterface> => {
      const name = link.ifname;
      const both = (key: string) =>
        Promise.all([sysctl(`${CONF4}/all/${key}`), sysctl(`${CONF4}/${name}/${key}`)]);
      const kind = link.linkinfo?.info_kind;
      return {
        name,
        kind,
        master: link.master,
        // To iproute2 the other end of a cable between namespaces is a link, too.
        lower: kind === 'veth' ? undefined : link.link,
        addresses: link.addr_info.flatMap(({ family, local, prefixlen }) =>
          family === 'inet' && local !== undefined ? [`${local}/${prefixlen}`] : [],
        ),
        ipv6Disabled: await ipv6IsOff(name),
        rpFilter: Math.max(...(await both('rp_filter'))),
        arpIgnore: Math.max(...(await both('arp_ignore'))),
        // As the kernel combines them (ip-sysctl): source routes need both, proxy ARP one.
        acceptSourceRoute: (await both('accept_source_route')).every((on) => on !== 0),
        proxyArp: (await both('proxy_arp')).some((on) => on !== 0),
        programs: programs.get(name) ?? [],
      };
    }),
  );
}

async function ipv6IsOff(name: string): Promise<boolean> {
  try {
    return (await sysctl(`${CONF6}/${name}/disable_ipv6`)) === 1;
  } catch (error) {
    if (isMissing(error)) return true;
    throw error;
  }
}

/** XDP of every interface, tc of the watched ones. What tcx and netkit links hold, tc does not show. */
async function programsOf(
  links: readonly Link[],
  watched: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map(
    links.map(({ ifname, xdp }): [string, string[]] => [
      ifname,
      xdp === undefined ? [] : [`xdp:${xdp.prog?.name ?? xdp.prog?.id ?? '?'}`],
    ]),
  );
  const qdiscs = z.array(qdiscSchema).parse(await listOf('tc', ['-j', 'qdisc', 'show']));
  for (const { kind, dev } of qdiscs) {
    if (kind === 'ingress' || kind === 'clsact') found.get(dev)?.push(`tc:${kind}`);
  }
  for (const dev of watched.filter((name) => found.has(name))) {
    const filters = z.array(filterSchema).parse(await listOf('tc', ['-j', 'filter', 'show', 'dev', dev]));
    found.get(dev)?.push(...filters.map(({ kind }) => `tc:${kind ?? '?'}`));
  }
  return found;
}

/** iproute2 prints nothing at all for some empty lists. */
async function listOf(program: string, args: readonly string[]): Promise<unknown> {
  const text = await outputOf(program, args);
  return text.trim() === '' ? [] : JSON.parse(text);
}

async function readRoutes(): Promise<HostRoute[]> {
  const listed = await listOf('ip', ['-j', '-4', 'route', 'show', 'table', 'all']);
  return z
    .array(routeSchema)
    .parse(listed)
    .filter(({ type }) => type !== 'local' && type !== 'broadcast')
    .flatMap(({ type, dst, dev, nexthops }) => {
      const devices = nexthops?.map((to) => to.dev) ?? [dev ?? type ?? 'nowhere'];
      return devices.map((device) => ({ destination: dst, device }));
    });
}

/** /proc/net/packet: sk RefCnt Type Proto Iface R Rmem User Inode; interface 0 is every one. */
async function readPacketSockets(links: readonly Link[]) {
  const [, ...lines] = (await readFile('/proc/net/packet', 'utf8')).trim().split('\n');
  return lines.map((line) => {
    const fields = line.trim().split(/\s+/);
    const [index, uid] = [Number(fields[4]), Number(fields[7])];
    if (fields.length !== 9 || !Number.isInteger(index) || !Number.isInteger(uid)) {
      throw new OutsideError('/proc/net/packet: not as expected');
    }
    const name = links.find(({ ifindex }) => ifindex === index)?.ifname ?? `interface ${index}`;
    return { uid, interface: index === 0 ? undefined : name };
  });
}
