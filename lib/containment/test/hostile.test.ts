import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { PolicyError, parsePolicy, prove } from '../src/index.ts';
import type { Json } from '../src/json.ts';
import { loaded, noKernel, policy, shipped } from './kernel.ts';

const why = noKernel();
const of = (ruleset: string) => prove({ ruleset, policy, time: 0, maxNodes: 500_000 });
const wrap = (...objects: Json[]) =>
  JSON.stringify({ nftables: [{ metainfo: { version: '1.1.1', json_schema_version: 1 } }, ...objects] });

describe('listings nobody should trust', () => {
  it.each([
    ['nothing', ''],
    ['not JSON', 'table inet x'],
    ['no list', '{}'],
    ['an empty ruleset', wrap()],
    ['a table without chains', wrap({ table: { family: 'inet', name: 't', handle: 1 } })],
    ['deep nesting', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    [
      'deep nesting in a rule',
      wrap({
        rule: {
          family: 'inet',
          table: 't',
          chain: 'c',
          expr: [JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`)],
        },
      }),
    ],
  ])('%s: unknown', (_, listing) => {
    const certificate = of(listing);
    expect(certificate.verdict).not.toBe('proven');
    expect(certificate.problems.length).toBeGreaterThan(0);
  });

  it('jumps in circles: an end, and no proof', () => {
    const chain = (name: string, base: object = {}) => ({
      chain: { family: 'inet', table: 't', name, handle: 1, ...base },
    });
    const rule = (name: string, target: string) => ({
      rule: {
        family: 'inet',
        table: 't',
        chain: name,
        handle: 2,
        expr: [{ jump: { target } }, { accept: null }],
      },
    });
    const base = { type: 'filter', hook: 'input', prio: 0, policy: 'drop' };
    const accept = { rule: { family: 'inet', table: 't', chain: 'b', handle: 3, expr: [{ accept: null }] } };
    const certificate = of(
      wrap(chain('a', base), chain('b'), chain('c'), rule('a', 'b'), rule('b', 'c'), rule('c', 'b'), accept),
    );
    expect(certificate.verdict).toBe('unknown');
    expect(certificate.problems.join()).toContain('nested jumps');
  });
});

describe.skipIf(why)(`a real listing, damaged${why ? ` (skipped: ${why})` : ''}`, () => {
  let listing = '';
  let objects: Json[] = [];
  beforeAll(() => {
    listing = loaded(shipped);
    objects = (JSON.parse(listing) as { nftables: Json[] }).nftables;
  });

  it('cut anywhere: unknown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: listing.length - 3 }), (at) => {
        expect(of(listing.slice(0, at)).verdict).toBe('unknown');
      }),
      { numRuns: 60 },
    );
  });

  it('with an object or statement never seen: unknown, and named', () => {
    const added = of(
      JSON.stringify({ nftables: [...objects, { flowtable: { family: 'inet', name: 'f' } }] }),
    );
    expect(added).toMatchObject({ verdict: 'unknown', problems: ['object "flowtable" not understood'] });
    const rule = {
      family: 'inet',
      table: 'opennvr',
      chain: 'input',
      handle: 999,
      expr: [{ teleport: { to: 'moon' } }],
    };
    const teleported = of(JSON.stringify({ nftables: [...objects, { rule }] }));
    expect(teleported.verdict).toBe('unknown');
    expect(teleported.problems).toEqual(['rule 999 in inet opennvr input: unknown statement "teleport"']);
  });

  it('with any value replaced by anything: an answer, never a crash', () => {
    fc.assert(
      fc.property(fc.nat(), fc.jsonValue({ maxDepth: 3 }), (where, value) => {
        const copy = JSON.parse(listing) as Json;
        replace(copy, where, value as Json);
        expect(['proven', 'disproved', 'unknown']).toContain(of(JSON.stringify(copy)).verdict);
      }),
      { numRuns: 150 },
    );
  });

  it('too large for the node limit: unknown', () => {
    const certificate = prove({ ruleset: listing, policy, time: 0, maxNodes: 100 });
    expect(certificate).toMatchObject({ verdict: 'unknown', properties: [] });
    expect(certificate.problems).toEqual(['more than 100 decision nodes']);
  });
});

/** Puts `value` at one of the places of `json`, chosen by number. */
function replace(json: Json, where: number, value: Json): void {
  const places: (() => void)[] = [];
  const walk = (node: Json): void => {
    if (typeof node !== 'object' || node === null) return;
    const holder = node as Record<string, Json>;
    for (const key of Object.keys(holder)) {
      places.push(() => {
        holder[key] = value;
      });
      walk(holder[key] ?? null);
    }
  };
  walk(json);
  places[where % places.length]?.();
}

describe('policy files', () => {
  it('of any shape give a policy or a PolicyError', () => {
    fc.assert(
      fc.property(fc.nat(), fc.jsonValue({ maxDepth: 3 }), (where, value) => {
        const copy = JSON.parse(JSON.stringify(policy)) as Json;
        replace(copy, where, value as Json);
        try {
          parsePolicy(JSON.stringify(copy));
        } catch (error) {
          expect(error).toBeInstanceOf(PolicyError);
        }
      }),
    );
  });

  it.each([
    [{ extra: 1 }, 'policy.extra: not a key of this'],
    [{ phase: 'later' }, 'policy.phase: setup or running'],
    [{ phase: 'setup' }, 'policy.cameras: empty before set-up'],
    [{ camera: { ...policy.camera, subnet: '10.0.0.1/24' } }, 'policy.camera.subnet: an IPv4 network'],
    [{ camera: { ...policy.camera, address: '10.0.1.1' } }, 'policy.camera.address: an address in'],
    [{ uids: { ...policy.uids, media: policy.uids.cameralan } }, 'policy.uids: one user each'],
    [{ discovery: { ...policy.discovery, sourcePort: 40000 } }, 'policy.discovery.sourcePort: below'],
  ])('%o: names the place', (change, message) => {
    expect(() => parsePolicy(JSON.stringify({ ...policy, ...change }))).toThrow(message);
  });
});
