/** Values that rules ask for and packets have: few, so that they meet. */
export const CARDS = ['camera0', 'trusted0', 'usb0'] as const;
export type Card = (typeof CARDS)[number];

/** Our address on each card, IPv4 and IPv6. */
export const OURS: Readonly<Record<Card, readonly [string, string]>> = {
  camera0: ['10.0.0.1', 'fd00::1'],
  trusted0: ['192.168.1.1', 'fd00:1::1'],
  usb0: ['172.16.9.1', 'fd00:2::1'],
};

export const V4 = [
  '10.0.0.1',
  '10.0.0.11',
  '10.0.0.66',
  '192.168.1.1',
  '192.168.1.5',
  '172.16.9.1',
  '172.16.9.9',
  '8.8.8.8',
];
export const V4_NETS = [
  '10.0.0.0/24',
  '10.0.0.0/28',
  '192.168.0.0/16',
  '172.16.9.0/24',
  '0.0.0.0/1',
  '8.0.0.0/5',
];
export const V4_RANGES = ['10.0.0.2-10.0.0.65', '9.9.9.9-10.0.0.11', '172.16.0.0-192.168.1.4'];
export const V6 = ['fd00::1', 'fd00::66', 'fd00:1::1', 'fd00:1::5', 'fd00:2::1', 'fd00:2::9', '2001:db8::8'];
export const V6_NETS = ['fd00::/64', 'fd00:1::/64', 'fd00::/15', '2001:db8::/32', 'fd00::40/122'];
export const PORTS = [22, 53, 67, 68, 80, 123, 443, 554, 3702, 8189, 8554, 40000, 60000];
export const PORT_RANGES = ['0-79', '80-443', '1024-65535', '32768-60999', '50-70'];
export const UIDS = [960, 961, 963, 1000];
export const PROTOCOLS = [1, 2, 6, 17, 47, 50, 58, 132];
