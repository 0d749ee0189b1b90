/** What has to hold for one box: names, addresses, ports and users, from a JSON file. */
import { parseIpv4, parseSubnet } from './address.ts';
import { isList, isObject, type Json, parseJson } from './json.ts';

/** Inclusive; one port is written as a number. */
export type PortRange = readonly [number, number];

export interface ListedCamera {
  address: string;
  /** What the media engine may connect to. */
  mediaTcp: readonly PortRange[];
  mediaUdp: readonly PortRange[];
  /** What the camera-LAN service may connect to. */
  configTcp: readonly PortRange[];
}

export interface Policy {
  version: 1;
  /** Before set-up no camera is listed and people reach the wizard only. */
  phase: 'setup' | 'running';
  camera: {
    interface: string;
    /** `a.b.c.d/n` */
    subnet: string;
    /** Ours, in that subnet. */
    address: string;
    /** Where answers to our own connections arrive (`ip_local_port_range`). */
    ephemeral: PortRange;
  };
  trusted: { interface: string; tcp: readonly PortRange[]; udp: readonly PortRange[] };
  /** Ports of ours that only processes on the box may reach. */
  local: { tcp: readonly PortRange[] };
  uids: { media: number; cameralan: number; network: number; ntp: number };
  /** The probe goes from `sourcePort` to `group`:`port`; answers come back to `sourcePort`. */
  discovery: { sourcePort: number; group: string; port: number };
  cameras: readonly ListedCamera[];
}

/** The policy is not one; `path` says where. */
export class PolicyError extends Error {
  override name = 'PolicyError';
}

const LONGEST = 4 * 1024 * 1024;
const MOST_CAMERAS = 10_000;

type Reader<T> = (value: Json | undefined, path: string) => T;

function fail(path: string, wanted: string): never {
  throw new PolicyError(`${path}: ${wanted}`);
}

const whole =
  (min: number, max: number): Reader<number> =>
  (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : fail(path, `a whole number from ${min} to ${max}`);

const port = whole(1, 65535);
const uid = whole(0, 0xfffffffe);

const ports: Reader<PortRange> = (value, path) => {
  if (!isList(value)) {
    const one = port(value, path);
    return [one, one];
  }
  const lo = port(value[0], `${path}[0]`);
  const hi = port(value[1], `${path}[1]`);
  return value.length === 2 && lo <= hi ? [lo, hi] : fail(path, 'a port or [first, last]');
};

const word =
  (fits: (s: string) => boolean, wanted: string): Reader<string> =>
  (value, path) =>
    typeof value === 'string' && fits(value) ? value : fail(path, wanted);

const address = word((s) => parseIpv4(s) !== undefined, 'an IPv4 address');
const subnet = word((s) => parseSubnet(s) !== undefined, 'an IPv4 network such as 10.0.0.0/24');
const card = word((s) => /^[a-zA-Z0-9_.-]{1,15}$/.test(s), 'an interface name');

const list =
  <T>(item: Reader<T>, most: number): Reader<readonly T[]> =>
  (value, path) => {
    if (!isList(value) || value.length > most) return fail(path, `a list of at most ${most}`);
    return value.map((v, i) => item(v, `${path}[${i}]`));
  };

/** An object with these keys and no others. */
function shape<T extends object>(readers: { [K in keyof T]: Reader<T[K]> }): Reader<T> {
  return (value, path) => {
    if (!isObject(value)) return fail(path, 'an object');
    const extra = Object.keys(value).find((key) => !(key in readers));
    if (extra !== undefined) return fail(`${path}.${extra.slice(0, 40)}`, 'not a key of this');
    const read = Object.entries(readers) as [string, Reader<unknown>][];
    return Object.fromEntries(read.map(([key, reader]) => [key, reader(value[key], `${path}.${key}`)])) as T;
  };
}

const portList = list(ports, 1000);

const policy = shape<Policy>({
  version: (value, path) => (value === 1 ? 1 : fail(path, '1')),
  phase: (value, path) => (value === 'setup' || value === 'running' ? value : fail(path, 'setup or running')),
  camera: shape<Policy['camera']>({ interface: card, subnet, address, ephemeral: ports }),
  trusted: shape<Policy['trusted']>({ interface: card, tcp: portList, udp: portList }),
  local: shape<Policy['local']>({ tcp: portList }),
  uids: shape<Policy['uids']>({ media: uid, cameralan: uid, network: uid, ntp: uid }),
  discovery: shape<Policy['discovery']>({ sourcePort: port, group: address, port }),
  cameras: list(
    shape<ListedCamera>({ address, mediaTcp: portList, mediaUdp: portList, configTcp: portList }),
    MOST_CAMERAS,
  ),
});

/** @throws PolicyError naming the place */
export function parsePolicy(source: string): Policy {
  const parsed = parseJson(source, LONGEST);
  if ('error' in parsed) throw new PolicyError(`policy: ${parsed.error}`);
  return checkPolicy(parsed.value);
}

/** @throws PolicyError naming the place, also for policies that contradict themselves */
export function checkPolicy(value: Json): Policy {
  const p = policy(value, 'policy');
  const net = parseSubnet(p.camera.subnet);
  const inside = (a: string): boolean => {
    const n = parseIpv4(a) ?? -1n;
    return net !== undefined && n > net.lo && n < net.hi;
  };
  if (!inside(p.camera.address)) fail('policy.camera.address', 'an address in policy.camera.subnet');
  if (p.camera.interface === p.trusted.interface)
    fail('policy.trusted.interface', 'another card than the cameras have');
  if (p.uids.media === p.uids.cameralan) fail('policy.uids', 'one user each');
  if (p.discovery.sourcePort >= p.camera.ephemeral[0]) {
    fail('policy.discovery.sourcePort', 'below policy.camera.ephemeral');
  }
  for (const [i, camera] of p.cameras.entries()) {
    if (!inside(camera.address) || camera.address === p.camera.address) {
      fail(`policy.cameras[${i}].address`, 'an address in policy.camera.subnet that is not ours');
    }
  }
  if (p.phase === 'setup' && p.cameras.length > 0) fail('policy.cameras', 'empty before set-up');
  return p;
}
