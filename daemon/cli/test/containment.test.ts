import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attemptsInWords, readAttempts } from '../src/containment/attempts.ts';
import { OutsideError, outputOf } from '../src/containment/outside.ts';
import type { Proof } from '../src/containment/prove.ts';
import { CARDS, folder, inNamespace, opennvr, prepareBox, removeBox, why } from './containment-box.ts';

beforeAll(prepareBox);
afterAll(removeBox);

const PROVE_HOST = '$O containment prove --policy policy.json --host --json || echo "status $?" >&2';

const wrongIn = (proof: Proof): string[] =>
  [...proof.properties, ...(proof.host?.properties ?? [])]
    .filter((p) => p.verdict !== 'proven')
    .map((p) => `${p.id} ${p.reason ?? ''}`);

describe.skipIf(why)(`opennvr containment prove, against a kernel${why}`, () => {
  it('ends with 0 and a sentence for each property when the shipped rules are loaded', () => {
    const { status, stdout, stderr } = inNamespace(
      'load firewall.nft; $O containment prove --policy policy.json',
    );
    expect([status, stderr]).toEqual([0, '']);
    const lines = stdout.trim().split('\n');
    expect(lines[0]).toBe('Proven: cameras are contained.');
    expect(lines.slice(1).map((line) => line.replace(/:.*/, ''))).toEqual(
      ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9', 'P10', 'L1', 'L2', 'L3', 'L4'].map(
        (id) => `${id} holds`,
      ),
    );
  });

  it('ends with 1 and the packet in words when a rule lets cameras in', () => {
    const { status, stdout } = inNamespace('load broken.nft; $O containment prove --policy policy.json');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^NOT contained/);
    expect(stdout).toMatch(
      /P3 FAILS: .*\n {4}IPv4 .* in on camera0, .*: gets through\.\n {4}by inet opennvr /,
    );
  });

  it('ends with 2 when the kernel holds what may redirect packets, and names it', () => {
    const script = `load firewall.nft; nft 'add table ip x; add chain ip x y { type nat hook prerouting priority -100; }; add rule ip x y dnat to 10.0.0.9'
$O containment prove --policy policy.json --json`;
    const { status, stdout } = inNamespace(script);
    const proof = JSON.parse(stdout) as Proof;
    expect([status, proof.verdict]).toEqual([2, 'unknown']);
    expect(proof.problems.join()).toMatch(/nat|ip x/);
  });

  it('takes a listing from a file or standard input, with the same hashes as from the kernel', () => {
    const script = `load firewall.nft; nft -j -n list ruleset >listing.json
for from in '' '--ruleset listing.json' '--ruleset -'; do $O containment prove --policy policy.json --json $from <listing.json; done`;
    const proofs = inNamespace(script)
      .stdout.trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Proof);
    expect(proofs.map((p) => [p.verdict, p.ruleset, p.policy])).toEqual(
      Array.from({ length: 3 }, () => ['proven', proofs[0]?.ruleset, proofs[0]?.policy]),
    );
    expect(proofs[0]?.ruleset).toMatch(/^[0-9a-f]{64}$/);
  });

  it('ends with 2 when a listing is cut anywhere', () => {
    const listing = inNamespace('load firewall.nft; nft -j -n list ruleset').stdout.trim();
    for (const share of [0, 0.3, 0.999]) {
      const cut = listing.slice(0, Math.floor(listing.length * share));
      const { status, stdout } = opennvr(
        ['containment', 'prove', '--policy', join(folder, 'policy.json'), '--ruleset', '-'],
        cut,
      );
      expect(status).toBe(2);
      expect(stdout).toContain('not JSON (truncated?)');
    }
  });

  it('ends with 2 when nft is not there or may not be asked', () => {
    const { status, stdout } = inNamespace('PATH=/nowhere $O containment prove --policy policy.json');
    expect(status).toBe(2);
    expect(stdout).toContain('Not understood: nft: not installed');
  });
});

describe.skipIf(why)(`opennvr containment prove --host${why}`, () => {
  it('proves a machine that is set up as the appliance', () => {
    const { stdout, stderr } = inNamespace(CARDS + PROVE_HOST);
    expect(stderr).toBe('');
    const proof = JSON.parse(stdout) as Proof;
    expect(wrongIn(proof)).toEqual([]);
    expect(proof).toMatchObject({ verdict: 'proven', host: { verdict: 'proven' } });
  });

  it.each([
    ['ip_forward', 'echo 1 >/proc/sys/net/ipv4/ip_forward', 'H1 IPv4 forwarding is on'],
    [
      'forwarding of one card',
      'echo 1 >/proc/sys/net/ipv4/conf/trusted0/forwarding',
      'H1 IPv4 forwarding is on',
    ],
    [
      'rp_filter',
      'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/camera0/rp_filter',
      'H2 rp_filter of camera0 is 0, not 1',
    ],
    ['IPv6', 'echo 0 >/proc/sys/net/ipv6/conf/camera0/disable_ipv6', 'H2 IPv6 is on at camera0'],
    [
      'the same network on both sides',
      'ip addr add 10.0.0.99/16 dev trusted0',
      'H3 trusted0 has 10.0.0.99/16',
    ],
    [
      'a route in another table',
      'ip route add 10.0.0.128/25 dev trusted0 table 77',
      'H3 route to 10.0.0.128/25 by trusted0',
    ],
    ['a bridge', 'ip link add br7 type bridge; ip link set camera0 master br7', 'H4 camera0 belongs to br7'],
    ['an interface on top', 'ip link add link camera0 name cam7 type macvlan', 'H4 cam7 sits on camera0'],
    ['tc', 'tc qdisc add dev camera0 clsact', 'H5 tc:clsact on camera0'],
    [
      'a route by the camera card',
      'ip route add 192.0.2.0/24 dev camera0',
      'H6 route to 192.0.2.0/24 by camera0',
    ],
    [
      'a share of the card elsewhere',
      'ip link add link camera0 name cam8 type macvlan; ip link set cam8 netns $CAMERA',
      'H7 cam8 is elsewhere',
    ],
    [
      'a packet socket',
      `exec 4< <(exec python3 -c "import socket,time; s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,3); s.bind(('camera0',3)); print('up',flush=True); time.sleep(60)"); read -r _ <&4`,
      'H8 user 0 holds a packet socket on camera0',
    ],
  ])('finds %s', (_, change, reason) => {
    const { stdout, stderr } = inNamespace(`${CARDS}${change}\n${PROVE_HOST}`);
    expect(stderr).toBe('status 1\n');
    expect(wrongIn(JSON.parse(stdout) as Proof)).toContain(reason);
  });
});

describe('wrong usage of opennvr containment', () => {
  it.each([
    [['containment']],
    [['containment', 'improve']],
    [['containment', 'prove', '--hots']],
    [['containment', 'prove', 'now']],
    [['containment', 'attempts', '--policy', 'x']],
    [['containment', 'prove', '--policy', '/nowhere/policy.json']],
  ])('%j ends with 64 and the usage', (args) => {
    const { status, stdout, stderr } = opennvr(args);
    expect([status, stdout]).toEqual([64, '']);
    expect(stderr).toContain('usage: opennvr containment prove');
  });

  it('includes files that are no policy, and listings that are not there', () => {
    const bad = join(folder, 'bad.json');
    writeFileSync(bad, '{"version":2}');
    const prove = (...args: string[]) => opennvr(['containment', 'prove', ...args]);
    expect(prove('--policy', bad)).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('policy.version: 1'),
    });
    const good = join(folder, 'policy.json');
    expect(prove('--policy', good, '--ruleset', '/nowhere/listing.json').status).toBe(64);
  });

  it('is not asking for help', () => {
    expect(opennvr(['containment', '--help'])).toMatchObject({ status: 0, stderr: '' });
  });
});

describe.skipIf(why)(`opennvr containment attempts, against a kernel${why}`, () => {
  /** UDP to us and to the world, several times; GRE once. Nothing answers, so each is one packet. */
  const TRY = `
nsenter -t $CAMERA -n sh -c 'ip link set cable address 02:00:00:00:00:11; ip addr add 10.0.0.11/24 dev cable; ip link set cable up; ip route add default via 10.0.0.1'
nsenter -t $CAMERA -n python3 -c "
import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(4): u.sendto(b'x', ('10.0.0.1', 53))
for i in range(3): u.sendto(b'x', ('8.8.8.8', 123))
socket.socket(socket.AF_INET, socket.SOCK_RAW, 47).sendto(b'x' * 8, ('10.0.0.1', 0))"
until [ "$(nft list counter inet opennvr refused_camera | grep -o 'packets [0-9]*')" = 'packets 8' ]; do sleep 0.1; done
`;
  interface Told {
    rows: {
      mac: string;
      source: string;
      destination: string;
      protocol: number;
      port?: number;
      times: number;
      last: number;
    }[];
    more: number;
    refused: Record<string, number>;
  }

  it('tells who tried what, how often and when, as the packets were sent', () => {
    const before = Date.now();
    const { status, stdout, stderr } = inNamespace(
      `${CARDS}${TRY}$O containment attempts --json; $O containment attempts`,
    );
    expect([status, stderr]).toEqual([0, '']);
    const [json = '', ...lines] = stdout.trim().split('\n');
    const told = JSON.parse(json) as Told;
    const who = { mac: '02:00:00:00:00:11', source: '10.0.0.11' };
    const rows = told.rows.map(({ last, ...row }) => row);
    expect(rows).toHaveLength(3);
    expect(rows).toEqual(
      expect.arrayContaining([
        { ...who, destination: '10.0.0.1', protocol: 17, port: 53, times: 4 },
        { ...who, destination: '8.8.8.8', protocol: 17, port: 123, times: 3 },
        { ...who, destination: '10.0.0.1', protocol: 47, times: 1 },
      ]),
    );
    for (const { last } of told.rows) {
      expect(last).toBeGreaterThan(before - 2000);
      expect(last).toBeLessThanOrEqual(Date.now() + 1000);
    }
    expect(told).toMatchObject({ more: 0, refused: { refused_camera: 8 } });
    expect(lines.join('\n')).toMatch(
      /10\.0\.0\.11 \(02:00:00:00:00:11\) to 8\.8\.8\.8 port 123, UDP: 3 times, last \d+ s ago/,
    );
    expect(lines.join('\n')).toContain('to 10.0.0.1, protocol 47: once');
  });

  it('counts what had no room', () => {
    const small = 'sed "s/size 65536/size 1/" firewall.nft >small.nft; load small.nft\n';
    const { stdout } = inNamespace(
      `${CARDS}${small}${TRY}$O containment attempts --json; $O containment attempts`,
    );
    const told = JSON.parse(stdout.split('\n')[0] ?? '') as Told;
    expect(told.rows.length).toBeLessThan(3);
    expect(told.more).toBeGreaterThan(0);
    expect(stdout).toContain(`and ${told.more} more packets that there was no room to tell apart`);
  });

  it('ends with 2 where the rules are not loaded', () => {
    expect(inNamespace('$O containment attempts')).toMatchObject({
      status: 2,
      stdout: expect.stringContaining('Not known: nft: '),
    });
    expect(inNamespace('nft add table inet opennvr; $O containment attempts').stdout).toContain(
      'the loaded packet filter does not count attempts',
    );
  });
});

describe('a listing of attempts', () => {
  it.each(['', '{"nftables": [{"set"', '[]', '{"nftables":[{"set":{"name":"attempts","timeout":"x"}}]}'])(
    'that is damaged is refused: %j',
    (text) => {
      expect(() => readAttempts(text, 0)).toThrow(OutsideError);
    },
  );

  it('is shown up to 200 rows, without what a terminal would obey', () => {
    const row = {
      mac: 'a\u001b[2J',
      source: '10.0.0.9',
      destination: '8.8.8.8',
      protocol: 17,
      port: 1,
      times: 1,
      last: 0,
    };
    const text = attemptsInWords(
      { rows: Array.from({ length: 205 }, () => row), more: 0, refused: {} },
      5000,
    );
    expect(text).not.toContain('\u001b');
    expect(text.split('\n')).toHaveLength(201);
    expect(text).toContain('and 5 more rows');
  });
});

describe('another program', () => {
  it.each([
    ['is not there', 'opennvr-no-such-program', [], 'not installed'],
    ['fails', 'sh', ['-c', 'echo because >&2; exit 3'], 'sh: because'],
    [
      'prints without end',
      'sh',
      ['-c', 'yes 0123456789012345678901234567890123456789'],
      'printed more than 64 MiB',
    ],
  ])('that %s is an error for people', async (_, program, args, message) => {
    await expect(outputOf(program, args)).rejects.toThrow(message);
  });
});
