import { expect, test } from 'vitest';
import { parseIpv4, parseIpv6 } from '../src/address.ts';

test.each(['10.00.0.5', '010.0.0.5', '10.0.0.05'])('%s is no address: it may be octal', (text) => {
  expect(parseIpv4(text)).toBeUndefined();
  expect(parseIpv6(`::ffff:${text}`)).toBeUndefined();
});

test.each([
  ['10.0.0.5', 0x0a000005n],
  ['0.0.0.0', 0n],
])('%s is one', (text, value) => {
  expect(parseIpv4(text)).toBe(value);
});
