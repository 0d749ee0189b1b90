/** One description of a box, two readings of it: the defines its ruleset includes, and the policy the proof checks. */
import { parseIpv4, parseIpv6 } from './address.ts';
import type { Json } from './json.ts';
import { checkPolicy, type ListedCamera, type Policy, PolicyError, type PortRange } from './policy.ts';

/** What differs from box to box. */
export interface Box {
  phase: Policy['phase'];
  /** `a.b.c.d/n`, and our address in it. */
  cameraSubnet: string;
  cameraAddress: string;
  cameras: readonly (ListedCamera & { /** Hardware address, when known. */ mac?: string })[];
  /** Addresses our own clock may be set from. */
  ntpServers: readonly string[];
}

/** The numbers every box shares (`/etc/opennvr/ids.json`). */
export interface Ids {
  users: Readonly<Record<'media' | 'cameralan' | 'systemd-network' | 'chrony', number>>;
  ports: Readonly<Record<'https' | 'grpc' | 'ice' | 'rtsp' | 'discovery', number>>;
}

/** WS-Discovery 1.1 section 2.4. */
const DISCOVERY = { group: '239.255.255.250', port: 3702 } as const;
/** `net.ipv4.ip_local_port_range` of the appliance. */
const EPHEMERAL: PortRange = [32768, 60999];

const one = (port: number): PortRange => [port, port];

/** @throws PolicyError when the description contradicts itself */
export function policyOf(box: Box, ids: Ids): Policy {
  const running = box.phase === 'running';
  const policy: Policy = {
    version: 1,
    phase: box.phase,
    camera: {
      interface: 'camera0',
      subnet: box.cameraSubnet,
      address: box.cameraAddress,
      ephemeral: EPHEMERAL,
    },
    trusted: {
      interface: 'trusted0',
      tcp: running ? [one(ids.ports.https), one(ids.ports.grpc)] : [one(ids.ports.https)],
      udp: running ? [one(ids.ports.ice)] : [],
    },
    local: { tcp: [one(ids.ports.rtsp)] },
    uids: {
      media: ids.users.media,
      cameralan: ids.users.cameralan,
      network: ids.users['systemd-network'],
      ntp: ids.users.chrony,
    },
    discovery: { sourcePort: ids.ports.discovery, ...DISCOVERY },
    cameras: box.cameras.map(({ address, mediaTcp, mediaUdp, configTcp }) => ({
      address,
      mediaTcp,
      mediaUdp,
      configTcp,
    })),
  };
  return checkPolicy(policy as unknown as Json);
}

const portText = ([lo, hi]: PortRange): string => (lo === hi ? `${lo}` : `${lo}-${hi}`);
const set = (elements: readonly string[]): string =>
  `{ ${elements.join(', ')}${elements.length > 0 ? ' ' : ''}}`;

/**
 * The include file of `firewall.nft`. Every value is checked first: nothing in it can end a line.
 * @throws PolicyError
 */
export function definesOf(box: Box, ids: Ids): string {
  const policy = policyOf(box, ids);
  const macs = box.cameras.flatMap(({ mac }, i) => {
    if (mac === undefined) return [];
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac))
      throw new PolicyError(`cameras[${i}].mac: not a MAC address`);
    return [mac];
  });
  for (const [i, server] of box.ntpServers.entries()) {
    if (parseIpv4(server) === undefined && parseIpv6(server) === undefined) {
      throw new PolicyError(`ntpServers[${i}]: not an address`);
    }
  }
  const pairs = (ports: 'mediaTcp' | 'mediaUdp' | 'configTcp'): string =>
    set(policy.cameras.flatMap((c) => c[ports].map((p) => `${c.address} . ${portText(p)}`)));
  const ipv4 = box.ntpServers.filter((s) => parseIpv4(s) !== undefined);
  const ipv6 = box.ntpServers.filter((s) => parseIpv4(s) === undefined);
  const defines: Readonly<Record<string, string>> = {
    camera_net: policy.camera.subnet,
    camera_self: policy.camera.address,
    media_tcp: pairs('mediaTcp'),
    media_udp: pairs('mediaUdp'),
    config_tcp: pairs('configTcp'),
    camera_macs: set([...new Set(macs)]),
    web_tcp: set(policy.trusted.tcp.map(portText)),
    ice_udp: set(policy.trusted.udp.map(portText)),
    ntp_servers: set(ipv4),
    ntp_servers6: set(ipv6),
  };
  return Object.entries(defines)
    .map(([name, value]) => `define ${name} = ${value}\n`)
    .join('');
}
