import { isIP } from 'node:net';

/** IPv4-mapped IPv6 addresses as plain IPv4, zones left out; what is no address stays as it is. */
export function normalAddress(address: string): string {
  const plain = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  return isIP(plain) ? plain : address;
}
