/** IPv4 and IPv6 addresses as integers. */

/** @returns undefined when it is not dotted decimal of four bytes; a leading zero means octal to some (RFC 6943 3.1.1) */
export function parseIpv4(s: string): bigint | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(s)) return undefined;
  let value = 0n;
  for (const part of s.split('.')) {
    if (Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

/** RFC 4291 section 2.2 forms 1 to 3, without zone. */
export function parseIpv6(s: string): bigint | undefined {
  if (s.length > 45 || !/^[0-9a-fA-F:.]+$/.test(s)) return undefined;
  let source = s;
  const dotted = s.slice(s.lastIndexOf(':') + 1);
  if (dotted.includes('.')) {
    const v4 = parseIpv4(dotted);
    if (v4 === undefined) return undefined;
    source = `${s.slice(0, -dotted.length)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined): string[] => (half ? half.split(':') : []);
  const head = groups(halves[0]);
  const tail = groups(halves[1]);
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<string>(missing).fill('0'), ...tail]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
}

export const formatIpv4 = (value: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');

/** RFC 5952: the longest run of zero groups is `::`. */
export function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  let best = { at: 0, length: 1 };
  for (let at = 0, length = 0; at < 8; at++) {
    length = groups[at] === '0' ? length + 1 : 0;
    if (length > best.length) best = { at: at - length + 1, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}

/** First and last address of a network. */
export function parseSubnet(s: string): { lo: bigint; hi: bigint; bits: number } | undefined {
  const [address, length, rest] = s.split('/');
  const base = parseIpv4(address ?? '');
  const bits = Number(length);
  if (base === undefined || rest !== undefined || !/^\d{1,2}$/.test(length ?? '') || bits > 32)
    return undefined;
  const host = (1n << BigInt(32 - bits)) - 1n;
  return (base & host) === 0n ? { lo: base, hi: base | host, bits } : undefined;
}
