/** What no packet filter rule can show: the rest of the machine that can move packets. A function over collected facts. */
import { formatIpv4, parseSubnet } from './address.ts';
import type { Policy } from './policy.ts';
import type { ProofVerdict, PropertyResult } from './prove.ts';

export interface HostInterface {
  name: string;
  /** `IFLA_INFO_KIND` (bridge, vlan, macvlan, veth, …); undefined for a plain card. */
  kind: string | undefined;
  /** The bridge, bond or VRF it belongs to. */
  master: string | undefined;
  /** The interface it sits on (VLANs, macvlans). */
  lower: string | undefined;
  /** IPv4 networks of its addresses, `a.b.c.d/n` with the address itself. */
  addresses: readonly string[];
  ipv6Disabled: boolean;
  /** Effective: the larger of `all` and the interface's own. */
  rpFilter: number;
  arpIgnore: number;
  acceptSourceRoute: boolean;
  proxyArp: boolean;
  /** XDP and tc programs attached, by name. */
  programs: readonly string[];
}

export interface HostRoute {
  /** IPv4 network or `default`. */
  destination: string;
  device: string;
}

/** undefined anywhere: could not be found out, and the check that needs it is unknown. */
export interface HostFacts {
  ipForward: boolean | undefined;
  ip6Forward: boolean | undefined;
  interfaces: readonly HostInterface[] | undefined;
  routes: readonly HostRoute[] | undefined;
  /** Physical cards seen in other network namespaces. */
  cardsElsewhere: readonly string[] | undefined;
  /** Packet sockets: whose, and on which interface (undefined: all). */
  packetSockets: readonly { uid: number; interface: string | undefined }[] | undefined;
}

export interface HostCertificate {
  verdict: ProofVerdict;
  properties: readonly PropertyResult[];
  /** When the camera network is taken: one that is free, or undefined when none of the list is. */
  freeSubnet: string | undefined;
}

/** Where a camera network may move to, in this order. */
export const CAMERA_SUBNETS = ['10.0.0.0/24', '10.77.0.0/24', '172.29.77.0/24', '192.168.177.0/24'] as const;

const overlap = (a: string, b: string): boolean => {
  const x = parseSubnet(network(a));
  const y = parseSubnet(network(b));
  return x !== undefined && y !== undefined && x.lo <= y.hi && y.lo <= x.hi;
};

/** `a.b.c.d/n` with host bits, to the network. */
function network(address: string): string {
  const [host, bits] = address.split('/');
  const whole = parseSubnet(`${host}/32`);
  const length = bits === undefined ? 32 : Number(bits);
  if (!whole || !Number.isInteger(length) || length < 0 || length > 32) return '';
  const size = 1n << BigInt(32 - length);
  return `${formatIpv4((whole.lo / size) * size)}/${length}`;
}

/** @param packetSocketUsers users that may hold packet sockets: the DHCP client and server */
export function checkHost(
  facts: HostFacts,
  policy: Policy,
  packetSocketUsers: readonly number[] = [policy.uids.network],
): HostCertificate {
  const camera = policy.camera.interface;
  const trusted = policy.trusted.interface;
  const card = facts.interfaces?.find((i) => i.name === camera);

  /** One property: a list of objections, empty when it holds, undefined when it could not be looked at. */
  const property = (id: string, title: string, objections: readonly string[] | undefined): PropertyResult => {
    if (!objections) return { id, title, verdict: 'unknown', reason: 'could not be looked at' };
    const [reason] = objections;
    return reason === undefined
      ? { id, title, verdict: 'proven' }
      : { id, title, verdict: 'disproved', reason };
  };
  const flag = (value: boolean | undefined, text: string): string[] | undefined =>
    value === undefined ? undefined : value ? [text] : [];
  const both = (...lists: readonly (readonly string[] | undefined)[]): string[] | undefined => {
    const found = lists.flatMap((l) => l ?? []);
    // What is known to be wrong is wrong, whatever else is not known.
    return found.length === 0 && lists.some((l) => l === undefined) ? undefined : found;
  };

  const others = facts.interfaces?.filter((i) => i.name !== camera && i.name !== 'lo');
  const used = (subnet: string): string[] | undefined =>
    others &&
    facts.routes && [
      ...others.flatMap((i) =>
        i.addresses.filter((a) => overlap(a, subnet)).map((a) => `${i.name} has ${a}`),
      ),
      ...facts.routes
        .filter((r) => r.device !== camera && r.destination !== 'default' && overlap(r.destination, subnet))
        .map((r) => `route to ${r.destination} by ${r.device}`),
    ];

  const properties = [
    property(
      'H1',
      'The box is not a router.',
      both(flag(facts.ipForward, 'IPv4 forwarding is on'), flag(facts.ip6Forward, 'IPv6 forwarding is on')),
    ),
    property(
      'H2',
      'The camera card takes only what its addresses are for, and speaks no IPv6.',
      card && [
        ...(card.rpFilter === 1 ? [] : [`rp_filter of ${camera} is ${card.rpFilter}, not 1`]),
        ...(card.arpIgnore >= 1
          ? []
          : [`arp_ignore of ${camera} is ${card.arpIgnore}: it answers for other cards`]),
        ...(card.acceptSourceRoute ? [`${camera} accepts source routes`] : []),
        ...(card.proxyArp ? [`${camera} answers ARP for others`] : []),
        ...(card.ipv6Disabled ? [] : [`IPv6 is on at ${camera}`]),
      ],
    ),
    property('H3', 'The camera network is nobody else’s.', used(policy.camera.subnet)),
    property(
      'H4',
      'The camera card is a plain card: no bridge, VLAN or other interface shares it.',
      facts.interfaces && [
        ...(card?.master === undefined ? [] : [`${camera} belongs to ${card.master}`]),
        ...(card?.kind === undefined || card.kind === 'veth' ? [] : [`${camera} is a ${card.kind}`]),
        ...facts.interfaces.filter((i) => i.lower === camera).map((i) => `${i.name} sits on ${camera}`),
      ],
    ),
    property(
      'H5',
      'No other program stands in the way of packets.',
      facts.interfaces?.flatMap((i) =>
        i.name === camera || i.name === trusted || i.name === 'lo'
          ? i.programs.map((p) => `${p} on ${i.name}`)
          : [],
      ),
    ),
    property(
      'H6',
      'No route but the camera network’s leads to cameras.',
      facts.routes
        ?.filter((r) => r.device === camera && r.destination !== policy.camera.subnet)
        .map((r) => `route to ${r.destination} by ${camera}`),
    ),
    property(
      'H7',
      'No other namespace holds a network card.',
      facts.cardsElsewhere?.map((c) => `${c} is elsewhere`),
    ),
    property(
      'H8',
      'Only DHCP looks at raw packets.',
      facts.packetSockets
        ?.filter((s) => !packetSocketUsers.includes(s.uid))
        .map((s) => `user ${s.uid} holds a packet socket on ${s.interface ?? 'every interface'}`),
    ),
  ];
  const disproved = properties.some((p) => p.verdict === 'disproved');
  const unknown = properties.some((p) => p.verdict === 'unknown');
  const taken = properties.some((p) => p.id === 'H3' && p.verdict === 'disproved');
  return {
    verdict: disproved ? 'disproved' : unknown ? 'unknown' : 'proven',
    properties,
    freeSubnet: taken ? CAMERA_SUBNETS.find((s) => used(s)?.length === 0) : undefined,
  };
}
