import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Box, definesOf, policyOf, prove, rulesetHash } from '../src/index.ts';
import { box, ids, loaded, noKernel, policy, rootfs, shipped } from './kernel.ts';

const why = noKernel();
const verdicts = (c: ReturnType<typeof prove>) => c.properties.filter((p) => p.verdict !== 'proven');

describe.skipIf(why)(`the shipped ruleset, as the kernel lists it${why ? ` (skipped: ${why})` : ''}`, () => {
  it('is proven for a box with cameras', () => {
    const certificate = prove({ ruleset: loaded(shipped), policy, time: 7 });
    expect(verdicts(certificate)).toEqual([]);
    expect(certificate).toMatchObject({ verdict: 'proven', problems: [], time: 7, phase: 'running' });
    expect(certificate.properties).toHaveLength(14);
  });

  it('is proven before set-up, with the file that ships, under the policy of that phase', () => {
    const setup: Box = { ...box, phase: 'setup', cameras: [], ntpServers: [] };
    const file = readFileSync(`${rootfs}/etc/opennvr/setup/opennvr-box.nft`, 'utf8');
    expect(
      file
        .split('\n')
        .filter((line) => !line.startsWith('#'))
        .join('\n'),
    ).toBe(definesOf(setup, ids));
    const certificate = prove({ ruleset: loaded(shipped, file), policy: policyOf(setup, ids), time: 0 });
    expect(certificate.verdict).toBe('proven');
  });

  it('is not proven before set-up with the defines of a running box', () => {
    const setup = policyOf({ ...box, phase: 'setup', cameras: [] }, ids);
    const certificate = prove({ ruleset: loaded(shipped), policy: setup, time: 0 });
    expect(certificate.verdict).toBe('disproved');
    expect(verdicts(certificate).map((p) => p.id)).toEqual(['P8', 'P9', 'P10']);
  });

  it('lets nothing in or out while it is not loaded: the lockdown file proves every safety property', () => {
    const lockdown = readFileSync(`${rootfs}/etc/opennvr/lockdown.nft`, 'utf8');
    const certificate = prove({ ruleset: loaded(lockdown), policy, time: 0 });
    // P9 stays open: inside the box, lockdown lets users talk. No camera has a link then.
    expect(verdicts(certificate).map((p) => p.id)).toEqual(['P9', 'L1', 'L2', 'L3', 'L4']);
  });

  it('has the same hash after a reload and another one after a change', () => {
    const first = rulesetHash(loaded(shipped));
    expect(rulesetHash(loaded(shipped))).toBe(first);
    expect(rulesetHash(loaded(shipped.replace('3702', '3703')))).not.toBe(first);
  });

  it('uses the users and ports of ids.json', () => {
    const define = (name: string) => Number(shipped.match(new RegExp(`^define ${name} = (\\d+)$`, 'm'))?.[1]);
    const users: Record<string, number> = ids.users;
    expect(define('uid_network')).toBe(users['systemd-network']);
    for (const name of ['chrony', 'media', 'kaic', 'cameralan'])
      expect(define(`uid_${name}`)).toBe(users[name]);
    for (const name of ['rtsp', 'discovery'] as const) expect(define(`port_${name}`)).toBe(ids.ports[name]);
    const sysusers = readFileSync(`${rootfs}/usr/lib/sysusers.d/opennvr.conf`, 'utf8');
    for (const [name, uid] of Object.entries(users)) {
      expect(sysusers).toMatch(new RegExp(`^u ${name} +${uid} `, 'm'));
    }
    const sysctl = readFileSync(`${rootfs}/etc/sysctl.d/90-opennvr-network.conf`, 'utf8');
    expect(sysctl).toContain('ip_local_port_range = 32768 60999');
    expect(
      sysctl
        .match(/reserved_ports = (.*)/)?.[1]
        ?.split(',')
        .map(Number),
    ).toContain(ids.ports.discovery);
  });
});

describe('a counterexample', () => {
  it.skipIf(why)('names the packet and the rules it passed by', () => {
    const open = shipped
      .replace('tcp dport @web_tcp accept', 'accept')
      .replaceAll('iifname "trusted0" goto', 'goto');
    const p1 = prove({ ruleset: loaded(open), policy, time: 0 }).properties.find((p) => p.id === 'P6');
    expect(p1?.verdict).toBe('disproved');
    expect(p1?.counterexample?.packet).toBe(
      'IPv4 TCP 10.0.0.66:40000 → 10.0.0.1:443, in on usbnet0, connection new: gets through.',
    );
    expect(p1?.counterexample?.rules.join('\n')).toMatch(
      /input rule \d+: goto input_trusted\n.*rule \d+: accept/,
    );
    expect(p1?.counterexample?.assumes).toEqual([]);
  });
});
