/** What a hacked camera, a strange card or a deceived process would try; and what has to work all the while. */
import type { ProbedHook } from '../fuzz/kernel.ts';
import type { Shape } from './packets.ts';

export interface Attempt {
  name: string;
  shape: Shape;
  /** Seen behind the rules of this hook, it got through. */
  through: ProbedHook;
  /** Why it fails on a machine without rules as well. */
  impossible?: string;
  /** The ruleset has it, and no property is about it: only these packets look at it. */
  beyond?: true;
}

const camera = (
  name: string,
  shape: Partial<Shape>,
  through: ProbedHook = 'input',
  impossible?: string,
): Attempt => ({
  name,
  shape: {
    card: 'camera0',
    from: '10.0.0.66',
    to: '10.0.0.1',
    protocol: 6,
    ...(shape.protocol === undefined ? { ports: [40000, 443] } : {}),
    ...shape,
  },
  through,
  ...(impossible === undefined ? {} : { impossible }),
});
const onward = (name: string, shape: Partial<Shape>): Attempt => camera(name, shape, 'forward');
const process = (name: string, uid: number, shape: Partial<Shape>): Attempt => ({
  name,
  shape: {
    card: 'camera0',
    uid,
    from: '10.0.0.1',
    to: '10.0.0.66',
    protocol: 6,
    ports: [40000, 554],
    ...shape,
  },
  through: 'output',
});
const lan = { card: 'trusted0', from: '192.168.1.1', to: '192.168.1.5' } as const;
const inside = { card: 'lo', from: '127.0.0.1', to: '127.0.0.1' } as const;
const udp = (from: number, to: number) => ({ protocol: 17, ports: [from, to] as const });

/** As in the policy of the tests: camera 10.0.0.11 has 554, 5000 to 5010 (UDP) and 80; 10.0.0.12 has 554 and 80. */
export const attempts: readonly Attempt[] = [
  onward('TCP to a LAN host', { to: '192.168.1.5' }),
  onward('TCP to the internet', { to: '8.8.8.8' }),
  onward('DNS to the internet', { to: '8.8.8.8', ...udp(40000, 53) }),
  onward('ping a LAN host', { to: '192.168.1.5', protocol: 1 }),
  onward('as a listed camera to a LAN host', {
    from: '10.0.0.11',
    to: '192.168.1.5',
    ports: [554, 40000],
    flags: 0x12,
  }),
  onward('IPv6 to a LAN host', { from: 'fd00::66', to: 'fd00:1::5' }),
  onward('IPv6 to the internet', { from: 'fd00::66', to: '2001:db8::8' }),
  onward('GRE to a LAN host', { to: '192.168.1.5', protocol: 47 }),
  onward('SCTP to a LAN host', { to: '192.168.1.5', protocol: 132 }),
  onward('IP in IP to a LAN host', { to: '192.168.1.5', protocol: 4 }),
  onward('ESP to a LAN host', { to: '192.168.1.5', protocol: 50 }),
  onward('fragments to a LAN host', { to: '192.168.1.5', cut: 8 }),
  onward('a LAN address as source, onwards', { from: '192.168.1.5', to: '8.8.8.8' }),
  onward('to the strange card', { to: '172.16.9.9' }),
  camera('the web page', {}),
  camera('the web page, middle of a connection', { flags: 0x10 }),
  camera('gRPC', { ports: [40000, 8443] }),
  camera('live video', udp(40000, 8189)),
  camera('publish into the media server', { ports: [40000, 8554] }),
  camera('SSH', { ports: [40000, 22] }),
  camera('the web page in fragments', { cut: 8 }),
  camera('the web page at the trusted address', { to: '192.168.1.1' }),
  camera('the web page, as a listed camera', { from: '10.0.0.11' }),
  camera('the web page from port 554 of a listed camera', { from: '10.0.0.11', ports: [554, 443] }),
  camera('the web page, as a LAN host', { from: '192.168.1.5' }),
  camera('the web page, as our own camera address', { from: '10.0.0.1' }),
  camera('the web page, as our own trusted address', { from: '192.168.1.1', to: '192.168.1.1' }),
  camera(
    'the web page, from loopback',
    { from: '127.0.0.1' },
    'input',
    'the kernel takes no loopback source from a cable',
  ),
  camera(
    'the web page at loopback',
    { to: '127.0.0.1' },
    'input',
    'the kernel takes no loopback destination from a cable',
  ),
  camera('the web page over IPv6', { from: 'fd00::66', to: 'fd00::1' }),
  camera('an answer nobody asked for', { from: '10.0.0.11', ports: [554, 40000], flags: 0x12 }),
  camera('video nobody asked for', { from: '10.0.0.11', ...udp(5000, 40000) }),
  camera('DNS', udp(40000, 53)),
  camera('DNS over TCP', { ports: [40000, 53] }),
  camera('NTP from outside the camera network', { from: '10.0.1.66', ...udp(40000, 123) }),
  camera('NTP as ourselves', { from: '10.0.0.1', ...udp(40000, 123) }),
  camera('NTP to the trusted address', { to: '192.168.1.1', ...udp(40000, 123) }),
  camera('NTP to everybody', { to: '255.255.255.255', ...udp(40000, 123) }),
  camera('NTP over TCP', { ports: [40000, 123] }),
  camera('NTP over IPv6', { from: 'fd00::66', to: 'fd00::1', ...udp(40000, 123) }),
  camera('a discovery answer from outside', { from: '10.0.1.66', ...udp(3702, 27702) }),
  camera('DHCP to the trusted address', { to: '192.168.1.1', ...udp(68, 67) }),
  camera('DHCP from a wrong port', udp(40000, 67)),
  camera('a DHCP answer (rogue server)', { ...udp(67, 68), to: '255.255.255.255' }),
  camera('ping', { protocol: 1 }),
  camera('an ICMP redirect', { protocol: 1, type: 5 }),
  camera('a router advertisement', { from: 'fe80::66', to: 'fd00::1', protocol: 58, type: 134 }),
  camera('a neighbour solicitation', { from: 'fd00::66', to: 'fd00::1', protocol: 58, type: 135 }),
  camera('IGMP', { protocol: 2 }),
  camera('GRE', { protocol: 47 }),
  camera('SCTP', { protocol: 132 }),
  camera('broadcast', { to: '10.0.0.255', ...udp(40000, 9999) }),
  camera('from the strange card: the web page', { card: 'usb0', from: '172.16.9.9', to: '172.16.9.1' }),
  camera('from the strange card: DHCP', {
    card: 'usb0',
    from: '0.0.0.0',
    to: '255.255.255.255',
    ...udp(68, 67),
  }),
  camera('from the strange card: as a camera, NTP', { card: 'usb0', ...udp(40000, 123) }),
  camera('from the strange card: IPv6', { card: 'usb0', from: 'fd00:2::9', to: 'fd00:2::1' }),
  onward('from the strange card to the LAN', { card: 'usb0', from: '172.16.9.9', to: '192.168.1.5' }),
  onward('from the LAN to a camera', { card: 'trusted0', from: '192.168.1.5', to: '10.0.0.66' }),
  onward('from the LAN to the strange card', { card: 'trusted0', from: '192.168.1.5', to: '172.16.9.9' }),
  process('media to an unlisted camera', 960, {}),
  process('media to another port of a listed camera', 960, { to: '10.0.0.11', ports: [40000, 23] }),
  process('media to camera settings', 960, { to: '10.0.0.11', ports: [40000, 80] }),
  process('media redirected into the LAN', 960, { ...lan, ports: [40000, 80] }),
  process('media redirected into the LAN, UDP', 960, { ...lan, ...udp(40000, 53) }),
  process('media redirected into the box', 960, { ...inside, ports: [40000, 443] }),
  process('media redirected to the strange card', 960, {
    card: 'usb0',
    from: '172.16.9.1',
    to: '172.16.9.9',
  }),
  process('media over IPv6', 960, { from: 'fd00::1', to: 'fd00::66' }),
  process('camera service to an unlisted camera', 963, { ports: [40000, 80] }),
  process('camera service to RTSP', 963, { to: '10.0.0.11' }),
  process('camera service into the LAN', 963, { ...lan, ports: [40000, 80] }),
  process('camera service into the box', 963, { ...inside, ports: [40000, 443] }),
  process('camera service: discovery from a free port', 963, { to: '239.255.255.250', ...udp(40000, 3702) }),
  process('kaic to a camera', 961, { to: '10.0.0.11' }),
  { ...process('kaic into the box, not RTSP', 961, { ...inside, ports: [40000, 443] }), beyond: true },
  process('manager to a camera', 964, { to: '10.0.0.11' }),
  process('root to a camera', 0, { to: '10.0.0.11' }),
  process('NTP to a camera by another user', 1000, udp(123, 40000)),
  process('DHCP answer by another user', 1000, { to: '10.0.0.66', ...udp(67, 68) }),
  process('root to the strange card', 0, { card: 'usb0', from: '172.16.9.1', to: '172.16.9.9' }),
];

/** What must get through. */
export const errands: readonly Attempt[] = [
  camera('DHCP: discover', { from: '0.0.0.0', to: '255.255.255.255', ...udp(68, 67) }),
  camera('DHCP: renew', { from: '10.0.0.66', ...udp(68, 67) }),
  camera('NTP', udp(40000, 123)),
  camera('a discovery answer', udp(3702, 27702)),
  camera('a person opens the web page', { card: 'trusted0', from: '192.168.1.5', to: '192.168.1.1' }),
  camera('a person opens the web page over IPv6', { card: 'trusted0', from: 'fd00:1::5', to: 'fd00:1::1' }),
  camera('a person calls gRPC', {
    card: 'trusted0',
    from: '192.168.1.5',
    to: '192.168.1.1',
    ports: [40000, 8443],
  }),
  camera('a person watches live', {
    card: 'trusted0',
    from: '192.168.1.5',
    to: '192.168.1.1',
    ...udp(40000, 8189),
  }),
  process('media opens RTSP', 960, { to: '10.0.0.11' }),
  process('media opens RTSP of the other camera', 960, { to: '10.0.0.12' }),
  process('media punches UDP', 960, { to: '10.0.0.11', ...udp(40000, 5004) }),
  process('media sends live video', 960, { ...lan, ...udp(8189, 50000) }),
  process('camera service opens ONVIF', 963, { to: '10.0.0.12', ports: [40000, 80] }),
  process('camera service looks for cameras', 963, { to: '239.255.255.250', ...udp(27702, 3702) }),
  { ...process('kaic reads RTSP', 961, { ...inside, ports: [40000, 8554] }), beyond: true },
  process('DHCP answers', 152, { to: '10.0.0.66', ...udp(67, 68) }),
  process('NTP answers', 61, udp(123, 40000)),
];
