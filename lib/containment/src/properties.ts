/** What "contained" means, as packets that must not get through and packets that must. */
import { formatIpv4, parseIpv4, parseSubnet } from './address.ts';
import { all, any, type Field, type Hook, not, type Pred, range } from './ir.ts';
import type { ListedCamera, Policy, PortRange } from './policy.ts';

/** On one path: packets that must not pass, or must. */
export interface Claim {
  hooks: readonly Hook[];
  packets: Pred;
}

export interface Property {
  id: string;
  /** In words, for people. */
  title: string;
  /** safety: no packet of a claim passes. liveness: all of them do, on a calm day. */
  kind: 'safety' | 'liveness';
  claims: readonly Claim[];
}

const INPUT: readonly Hook[] = ['prerouting', 'input'];
const FORWARD: readonly Hook[] = ['prerouting', 'forward'];
const OUTPUT: readonly Hook[] = ['output'];
/** Filters after output can only take away: safety ignores them, liveness does not. */
const SENT: readonly Hook[] = ['output', 'postrouting'];

const BROADCAST = '255.255.255.255';

const name = (side: 'iif' | 'oif', interfaceName: string): Pred => ({
  kind: 'interface',
  side,
  name: interfaceName,
  wildcard: false,
});
const ipv4 = range('nfproto', 2);
const protocol = (number: number, readable = 4): Pred =>
  all(range('l4ok', 1), range('l4proto', number), range('thbytes', readable, 7));
const tcp = all(ipv4, protocol(6));
const udp = all(ipv4, protocol(17));
/** Enough of it to have a source port. */
const udpSource = protocol(17, 2);
const port = (field: 'sport' | 'dport', ranges: readonly PortRange[]): Pred =>
  any(...ranges.map(([lo, hi]) => range(field, lo, hi)));
const is = (field: Field, address: string): Pred => range(field, parseIpv4(address) ?? 0n);
const by = (uid: number): Pred => all(range('owned', 1), range('uid', uid));
const state = (...bits: number[]): Pred => any(...bits.map((bit) => range('ct', bit)));
const ESTABLISHED = state(2);
/** Nothing that belongs to a connection we know: new, related, invalid or untracked. */
const UNSOLICITED = not(ESTABLISHED);
const WHOLE = range('frag', 0);

type Ports = 'mediaTcp' | 'mediaUdp' | 'configTcp';

/** A listed camera's address together with one of its own ports. */
function listed(cameras: readonly ListedCamera[], ports: Ports, address: 'saddr' | 'daddr'): Pred {
  const side = address === 'saddr' ? 'sport' : 'dport';
  const sorted = [...cameras].sort((a, b) =>
    Number((parseIpv4(a.address) ?? 0n) - (parseIpv4(b.address) ?? 0n)),
  );
  return any(...sorted.map((c) => all(is(address, c.address), port(side, c[ports]))));
}

/** P1 to P10 and L1 to L4 for one policy. */
export function propertiesOf(policy: Policy): readonly Property[] {
  const { camera, trusted, uids, discovery, cameras } = policy;
  const net = parseSubnet(camera.subnet) ?? { lo: 0n, hi: 0n };
  const inNet = (field: Field): Pred => range(field, net.lo, net.hi);
  const inside = (side: 'iif' | 'oif'): Pred => any(name(side, 'lo'), name(side, trusted.interface));
  // Every card that is not for people counts as a camera's.
  const outside = (side: 'iif' | 'oif'): Pred => not(inside(side));
  const strange = (side: 'iif' | 'oif'): Pred => all(outside(side), not(name(side, camera.interface)));
  const cameraSource = all(inNet('saddr'), not(is('saddr', camera.address)));
  const toUs = is('daddr', camera.address);

  const dhcpIn = all(
    udp,
    range('sport', 68),
    range('dport', 67),
    any(is('saddr', '0.0.0.0'), inNet('saddr')),
    any(is('daddr', BROADCAST), toUs),
  );
  const ntpIn = all(udp, range('dport', 123), cameraSource, toUs);
  const discoveryIn = all(udp, range('dport', discovery.sourcePort), cameraSource, toUs);
  const services = any(dhcpIn, ntpIn, discoveryIn);
  const answers = all(
    ESTABLISHED,
    cameraSource,
    toUs,
    port('dport', [camera.ephemeral]),
    any(
      all(tcp, any(listed(cameras, 'mediaTcp', 'saddr'), listed(cameras, 'configTcp', 'saddr'))),
      all(udp, listed(cameras, 'mediaUdp', 'saddr')),
    ),
  );
  const ours = port('dport', [...trusted.tcp, ...trusted.udp, ...policy.local.tcp]);
  const withPorts = any(...[6, 17, 33, 132, 136].map((n) => range('l4proto', n)));

  const dhcpOut = all(
    udp,
    range('sport', 67),
    range('dport', 68),
    any(inNet('daddr'), is('daddr', BROADCAST)),
  );
  const ntpOut = all(ipv4, udpSource, range('sport', 123), inNet('daddr'));
  const probe = all(
    udp,
    range('sport', discovery.sourcePort),
    range('dport', discovery.port),
    is('daddr', discovery.group),
  );
  const mediaOut = any(
    all(tcp, listed(cameras, 'mediaTcp', 'daddr')),
    all(udp, listed(cameras, 'mediaUdp', 'daddr')),
  );
  const configOut = all(tcp, listed(cameras, 'configTcp', 'daddr'));
  const fromIce = all(udpSource, port('sport', trusted.udp));

  const safety = (id: string, title: string, ...claims: Claim[]): Property => ({
    id,
    title,
    kind: 'safety',
    claims,
  });
  const live = (id: string, title: string, ...claims: Claim[]): Property => ({
    id,
    title,
    kind: 'liveness',
    claims,
  });

  return [
    safety(
      'P1',
      'Nothing that comes in from a camera, or from any card that is not for people, is forwarded.',
      {
        hooks: FORWARD,
        packets: outside('iif'),
      },
    ),
    safety('P2', 'What a camera sends unasked is taken only as DHCP, as NTP, or as an answer to discovery.', {
      hooks: INPUT,
      packets: all(outside('iif'), UNSOLICITED, not(all(name('iif', camera.interface), services))),
    }),
    safety(
      'P3',
      'No camera packet, whatever it claims to belong to, reaches the web, gRPC, live or RTSP ports.',
      {
        hooks: INPUT,
        packets: all(outside('iif'), withPorts, any(ours, range('thbytes', 0, 3), range('l4ok', 0))),
      },
    ),
    safety(
      'P4',
      'Only the media engine and the camera service open anything towards cameras; DHCP and NTP answer.',
      {
        hooks: OUTPUT,
        packets: all(
          outside('oif'),
          UNSOLICITED,
          not(
            all(
              name('oif', camera.interface),
              any(
                by(uids.media),
                by(uids.cameralan),
                all(by(uids.network), dhcpOut),
                all(by(uids.ntp), ntpOut),
              ),
            ),
          ),
        ),
      },
    ),
    safety('P5', 'Nothing is forwarded to a camera.', { hooks: FORWARD, packets: outside('oif') }),
    safety(
      'P6',
      'A network card of any other kind gets nothing in, out or through.',
      { hooks: INPUT, packets: strange('iif') },
      { hooks: FORWARD, packets: any(strange('iif'), strange('oif')) },
      { hooks: OUTPUT, packets: strange('oif') },
    ),
    safety('P7', 'On the camera side we send only to the camera network and the discovery group.', {
      hooks: OUTPUT,
      packets: all(outside('oif'), not(any(all(ipv4, inNet('daddr')), probe, dhcpOut))),
    }),
    safety(
      'P8',
      'And there only to the ports listed for each camera, each service to its own.',
      { hooks: OUTPUT, packets: all(outside('oif'), not(any(mediaOut, configOut, probe, dhcpOut, ntpOut))) },
      { hooks: OUTPUT, packets: all(outside('oif'), UNSOLICITED, by(uids.media), not(mediaOut)) },
      {
        hooks: OUTPUT,
        packets: all(outside('oif'), UNSOLICITED, by(uids.cameralan), not(any(configOut, probe))),
      },
    ),
    safety(
      'P9',
      'A process that talks to cameras opens nothing on the trusted side or inside the box, but live video from its one port.',
      { hooks: OUTPUT, packets: all(name('oif', 'lo'), UNSOLICITED, by(uids.media)) },
      {
        hooks: OUTPUT,
        packets: all(name('oif', trusted.interface), UNSOLICITED, by(uids.media), not(fromIce)),
      },
      { hooks: OUTPUT, packets: all(inside('oif'), by(uids.cameralan)) },
    ),
    safety(
      'P10',
      'In any connection state, only its own services and the answers of listed cameras come in: a borrowed LAN address gets nothing.',
      {
        hooks: INPUT,
        packets: all(outside('iif'), not(all(name('iif', camera.interface), any(services, answers)))),
      },
    ),
    live(
      'L1',
      'A person on the trusted side reaches the web page, and live video.',
      {
        hooks: INPUT,
        packets: all(
          WHOLE,
          name('iif', trusted.interface),
          not(inNet('saddr')),
          not(inNet('daddr')),
          state(2, 8),
          any(all(tcp, port('dport', trusted.tcp)), all(udp, port('dport', trusted.udp))),
        ),
      },
      {
        hooks: SENT,
        packets: all(
          WHOLE,
          name('oif', trusted.interface),
          ESTABLISHED,
          not(by(uids.cameralan)),
          not(by(uids.media)),
          tcp,
          port('sport', trusted.tcp),
        ),
      },
      {
        hooks: SENT,
        packets: all(WHOLE, name('oif', trusted.interface), by(uids.media), udp, port('sport', trusted.udp)),
      },
    ),
    live(
      'L2',
      'The media engine and the camera service reach every listed camera, and its answers come back.',
      {
        hooks: SENT,
        packets: all(
          WHOLE,
          name('oif', camera.interface),
          state(2, 8),
          any(all(by(uids.media), mediaOut), all(by(uids.cameralan), configOut)),
        ),
      },
      { hooks: INPUT, packets: all(WHOLE, name('iif', camera.interface), answers) },
    ),
    live(
      'L3',
      'A camera gets an address and the time.',
      {
        hooks: INPUT,
        packets: all(
          WHOLE,
          name('iif', camera.interface),
          any(dhcpIn, ntpIn),
          not(is('saddr', camera.address)),
        ),
      },
      {
        hooks: SENT,
        packets: all(
          WHOLE,
          name('oif', camera.interface),
          any(all(by(uids.network), dhcpOut), all(by(uids.ntp), ntpOut)),
        ),
      },
    ),
    live(
      'L4',
      'Discovery finds cameras.',
      { hooks: SENT, packets: all(WHOLE, name('oif', camera.interface), by(uids.cameralan), probe) },
      { hooks: INPUT, packets: all(WHOLE, name('iif', camera.interface), discoveryIn) },
    ),
  ];
}

/** What every packet is: one family, one connection state. */
export const POSSIBLE: Pred = all(any(range('nfproto', 2), range('nfproto', 10)), state(1, 2, 4, 8, 64));

/** How a counterexample should look if it can: the plainest packet that makes the point. First wish first. */
export function wishes(policy: Policy, hooks: readonly Hook[]): readonly Pred[] {
  const { camera, trusted } = policy;
  const stranger = formatIpv4((parseSubnet(camera.subnet)?.lo ?? 0n) + 66n);
  const outgoing = hooks.includes('output');
  const far = is('daddr', '8.8.8.8');
  return [
    WHOLE,
    range('l4ok', 1),
    range('thbytes', 5),
    name('iif', camera.interface),
    name('oif', camera.interface),
    ipv4,
    state(8),
    range('l4proto', 6),
    range('owned', 1),
    range('uid', 1000),
    is('saddr', outgoing ? camera.address : stranger),
    is('saddr', '192.0.2.9'),
    // A packet to ourselves would take another way.
    ...(outgoing
      ? [is('daddr', stranger), far]
      : hooks.includes('forward')
        ? [far]
        : [is('daddr', camera.address)]),
    range('dport', trusted.tcp[0]?.[0] ?? 443),
    range('sport', 40000),
    range('flags', 2),
  ];
}
