import { describe, expect, it } from 'vitest';
import { checkHost, type HostFacts, type HostInterface } from '../src/index.ts';
import { policy } from './kernel.ts';

const plain: HostInterface = {
  name: 'camera0',
  kind: undefined,
  master: undefined,
  lower: undefined,
  addresses: ['10.0.0.1/24'],
  ipv6Disabled: true,
  rpFilter: 1,
  arpIgnore: 2,
  acceptSourceRoute: false,
  proxyArp: false,
  programs: [],
};
const trusted: HostInterface = {
  ...plain,
  name: 'trusted0',
  addresses: ['192.168.1.20/24'],
  ipv6Disabled: false,
};
const good: HostFacts = {
  ipForward: false,
  ip6Forward: false,
  interfaces: [plain, trusted],
  routes: [
    { destination: '10.0.0.0/24', device: 'camera0' },
    { destination: '192.168.1.0/24', device: 'trusted0' },
    { destination: 'default', device: 'trusted0' },
  ],
  cardsElsewhere: [],
  packetSockets: [{ uid: 152, interface: 'trusted0' }],
};
const cards = (camera: Partial<HostInterface>, other: Partial<HostInterface> = {}): Partial<HostFacts> => ({
  interfaces: [
    { ...plain, ...camera },
    { ...trusted, ...other },
  ],
});
const route = (destination: string, device: string): Partial<HostFacts> => ({
  routes: [...(good.routes ?? []), { destination, device }],
});

describe('the host around the rules', () => {
  it('is proven as the appliance sets it up', () => {
    expect(checkHost(good, policy)).toMatchObject({ verdict: 'proven', freeSubnet: undefined });
  });

  it.each<[string, string, Partial<HostFacts>]>([
    ['H1', 'IPv4 forwarding is on', { ipForward: true }],
    ['H1', 'IPv6 forwarding is on', { ip6Forward: true, ipForward: undefined }],
    ['H2', 'rp_filter of camera0 is 2, not 1', cards({ rpFilter: 2 })],
    ['H2', 'arp_ignore of camera0 is 0: it answers for other cards', cards({ arpIgnore: 0 })],
    ['H2', 'IPv6 is on at camera0', cards({ ipv6Disabled: false })],
    ['H3', 'trusted0 has 10.0.0.77/16', cards({}, { addresses: ['10.0.0.77/16'] })],
    ['H3', 'route to 10.0.0.128/25 by trusted0', route('10.0.0.128/25', 'trusted0')],
    ['H4', 'camera0 belongs to br0', cards({ master: 'br0' })],
    ['H4', 'trusted0 sits on camera0', cards({}, { lower: 'camera0' })],
    ['H5', 'xdp:fast on camera0', cards({ programs: ['xdp:fast'] })],
    ['H6', 'route to default by camera0', route('default', 'camera0')],
    ['H7', 'eth9 is elsewhere', { cardsElsewhere: ['eth9'] }],
    [
      'H8',
      'user 0 holds a packet socket on every interface',
      { packetSockets: [{ uid: 0, interface: undefined }] },
    ],
  ])('%s fails: %s', (id, reason, change) => {
    const { verdict, properties } = checkHost({ ...good, ...change }, policy);
    expect(verdict).toBe('disproved');
    expect(properties.filter((p) => p.verdict === 'disproved')).toEqual([
      expect.objectContaining({ id, reason }),
    ]);
  });

  it.each(['ipForward', 'interfaces', 'routes', 'cardsElsewhere', 'packetSockets'] as const)(
    'is unknown while %s is',
    (fact) => {
      expect(checkHost({ ...good, [fact]: undefined }, policy).verdict).toBe('unknown');
    },
  );

  it('proposes the first camera network that is free', () => {
    const both = { ...good, ...cards({}, { addresses: ['10.0.0.5/24', '10.77.0.9/24'] }) };
    expect(checkHost(both, policy).freeSubnet).toBe('172.29.77.0/24');
    const all = { ...good, ...route('0.0.0.0/0', 'trusted0') };
    expect(checkHost(all, policy)).toMatchObject({ verdict: 'disproved', freeSubnet: undefined });
  });
});
