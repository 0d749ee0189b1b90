import { type FuzzTarget, magnitude, promise, words } from '@opennvr/tests/fuzz';
import { parseIpv4, parseIpv6, parseSubnet } from '../src/address.ts';
import { parseRuleset } from '../src/ruleset.ts';

const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
const TABLE = { family: 'inet', table: 'opennvr' };
const RULESET = {
  nftables: [
    { metainfo: { version: '1.0.6', json_schema_version: 1 } },
    { table: { family: 'inet', name: 'opennvr', handle: 1 } },
    { chain: { ...TABLE, name: 'input', handle: 1, type: 'filter', hook: 'input', prio: 0, policy: 'drop' } },
    { chain: { ...TABLE, name: 'cameras', handle: 2 } },
    {
      set: {
        ...TABLE,
        name: 'known',
        type: 'ipv4_addr',
        elem: ['10.0.0.5', { prefix: { addr: '10.1.0.0', len: 16 } }],
      },
    },
    {
      rule: {
        ...TABLE,
        chain: 'input',
        handle: 3,
        expr: [
          match({ meta: { key: 'iifname' } }, 'cam0'),
          match(payload('ip', 'saddr'), '@known'),
          match(payload('tcp', 'dport'), { set: [554, { range: [8000, 8010] }] }),
          { counter: { packets: 0, bytes: 0 } },
          { jump: { target: 'cameras' } },
        ],
      },
    },
    {
      rule: {
        ...TABLE,
        chain: 'cameras',
        handle: 4,
        expr: [match({ ct: { key: 'state' } }, ['established', 'related'], 'in'), { accept: null }],
      },
    },
    {
      rule: {
        ...TABLE,
        chain: 'cameras',
        handle: 5,
        expr: [{ vmap: { key: payload('ip', 'daddr'), data: { set: [['10.0.0.1', { drop: null }]] } } }],
      },
    },
  ],
};

/** What nft prints: never a throw, and whatever is not understood is a problem that is told. */
const ruleset: FuzzTarget = {
  name: 'nft-ruleset',
  seeds: words(JSON.stringify(RULESET)),
  dictionary: words(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      'null',
      '"drop":',
      '"accept":',
      '"@known"',
      '"range":',
      '"prefix":',
      '"len":',
      '-1',
    ],
    ...[
      '"jump":',
      '"expr":',
      '1e999',
      '99999999999',
      '"mangle":',
      '"__proto__":',
      '"10.0.0.256"',
      '"::1"',
      '\\u0000',
    ],
  ),
  run(input) {
    const { chains, problems } = parseRuleset(input.toString());
    promise(chains.size > 0 || problems.length > 0, 'nothing at all, and no problem');
    promise(
      problems.every((problem) => typeof problem === 'string' && problem !== ''),
      'a problem without words',
    );
    const rules = [...chains.values()].reduce((sum, chain) => sum + chain.rules.length, 0);
    return `${chains.size} ${magnitude(rules)} ${problems.slice(0, 2).join().slice(0, 80).replaceAll(/\d+/g, 'n')}`;
  },
};

const addresses: FuzzTarget = {
  name: 'addresses',
  seeds: words('10.0.0.5', 'fe80::1', '::ffff:10.0.0.5', '10.0.0.0/8', '1:2:3:4:5:6:7:8'),
  dictionary: words('::', ':', '.', '/', '0', '255', 'ffff', '/33', '%eth0'),
  run(input) {
    const text = input.toString('latin1');
    const v4 = parseIpv4(text);
    const v6 = parseIpv6(text);
    const subnet = parseSubnet(text);
    promise(v4 === undefined || (v4 >= 0n && v4 < 1n << 32n), 'an IPv4 address');
    promise(v6 === undefined || (v6 >= 0n && v6 < 1n << 128n), 'an IPv6 address');
    promise(!subnet || (subnet.lo <= subnet.hi && subnet.hi < 1n << 32n), 'a network');
    // What our own parser takes for an address, so does the platform's.
    promise(v6 === undefined || URL.canParse(`http://[${text}]`), `not an address: ${text}`);
    return `${v4 === undefined} ${v6?.toString(2).length} ${subnet?.bits}`;
  },
};

export const targets: readonly FuzzTarget[] = [ruleset, addresses];
