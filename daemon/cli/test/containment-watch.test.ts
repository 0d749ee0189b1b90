import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Guard, type Guarded } from '../src/containment/guard.ts';
import { type Proof, unknown } from '../src/containment/prove.ts';
import { CARDS, inNamespace, prepareBox, removeBox, why } from './containment-box.ts';

beforeAll(prepareBox);
afterAll(removeBox);

const property = { id: 'P1', title: 'One.' };
const good: Proof = {
  ...unknown('', 0),
  verdict: 'proven',
  ruleset: 'good',
  problems: [],
  properties: [{ ...property, verdict: 'proven' }],
};
const bad: Proof = {
  ...good,
  verdict: 'disproved',
  ruleset: 'bad',
  properties: [{ ...property, verdict: 'disproved' }],
};

/** A box whose rules are `rules.now`, where the shipped ones are `shipped`. */
function fakeBox(now: Proof, shipped: Proof) {
  const done: string[] = [];
  const rules = { now };
  const box: Guarded = {
    prove: async () => rules.now,
    reload: async () => {
      done.push('reload');
      rules.now = shipped;
    },
    setLink: async (up) => {
      done.push(up ? 'up' : 'down');
    },
    tell: () => undefined,
    publish: async () => undefined,
  };
  return { box, rules, done };
}

describe('the guard of the camera link', () => {
  it('raises it behind a proof, without touching the rules', async () => {
    const { box, done } = fakeBox(good, good);
    await new Guard(box).check();
    expect(done).toEqual(['up']);
  });

  it('repairs the rules first, and the link need not go down', async () => {
    const { box, rules, done } = fakeBox(good, good);
    const guard = new Guard(box);
    await guard.check();
    rules.now = bad;
    await guard.check();
    expect(done).toEqual(['up', 'reload', 'up']);
  });

  it('takes it down when the shipped rules are not proven either, and does not load them again and again', async () => {
    const { box, done } = fakeBox(bad, bad);
    const guard = new Guard(box);
    await guard.check();
    await guard.check();
    expect(done).toEqual(['reload', 'down', 'down']);
  });

  it('tries again when the rules are others', async () => {
    const { box, rules, done } = fakeBox(bad, bad);
    const guard = new Guard(box);
    await guard.check();
    rules.now = { ...bad, ruleset: 'other' };
    await guard.check();
    expect(done).toEqual(['reload', 'down', 'reload', 'down']);
  });

  it('takes it down when nothing can be asked or loaded', async () => {
    const { box, done } = fakeBox(unknown('nft: not installed', 0), good);
    box.reload = async () => {
      throw new Error('nft: not installed');
    };
    await new Guard(box).check();
    expect(done).toEqual(['down']);
  });

  it('does not load rules for what is wrong around them', async () => {
    const host = { verdict: 'disproved', properties: [], freeSubnet: undefined } as const;
    const { box, done } = fakeBox({ ...good, verdict: 'disproved', host }, good);
    await new Guard(box).check();
    expect(done).toEqual(['down']);
  });

  it('looks again when something changed while it looked', async () => {
    const { box, rules, done } = fakeBox(good, bad);
    const guard = new Guard(box);
    let asked = 0;
    box.prove = async () => {
      const seen = rules.now;
      if (asked++ === 0) {
        rules.now = bad;
        void guard.check();
      }
      return seen;
    };
    await guard.check();
    expect(done).toEqual(['up', 'reload', 'down']);
  });

  it('says nothing of a link where it has none', async () => {
    const { box } = fakeBox(good, good);
    const told: string[] = [];
    const guard = new Guard({ ...box, setLink: undefined, tell: (_, message) => told.push(message) });
    await guard.check();
    await guard.shut();
    expect(told).toEqual(['containment proven']);
  });

  it('never raises it once it was shut', async () => {
    const { box, done } = fakeBox(good, good);
    const guard = new Guard(box);
    const checking = guard.check();
    await guard.shut();
    await checking;
    await guard.check();
    expect(done).not.toContain('up');
    expect(done).toContain('down');
  });
});

/** Starts the watch as $WATCH, with its log in `log`; `soon` waits for a condition, generously. */
const WATCH = `
soon() { for _ in $(seq \${TRIES:-200}); do if eval "$1"; then return 0; fi; sleep 0.1; done; echo "never: $1" >&2; cat log >&2; exit 9; }
up() { ip link show camera0 | grep -q '[<,]UP[,>]'; }
down() { if up; then return 1; fi; }
lacks() { if "\${@:2}" | grep -q "$1"; then return 1; fi; }
verdict() { grep -q '^{[^{]*"verdict":"'"$1"'"' certificate.json; }
ip link set camera0 down; rm -f certificate.json log
cp firewall.nft now.nft
watch() { $O containment watch --raise camera0 --policy policy.json --rules now.nft --include . --certificate certificate.json "$@" >log 2>&1 & WATCH=$!; }
`;

describe.skipIf(why)(`opennvr containment watch, against a kernel${why}`, () => {
  const passes = (script: string): void => {
    expect(inNamespace(CARDS + WATCH + script)).toMatchObject({ status: 0, stderr: '' });
  };

  it('raises the link behind a proof, and takes it down at its end', () => {
    passes('down; watch; soon up; verdict proven; kill $WATCH; wait $WATCH; down');
  });

  it('loads the shipped rules again, and neither the link nor a connection of the media engine breaks', () => {
    passes(`
nsenter -t $CAMERA -n sh -c 'ip addr add 10.0.0.11/24 dev cable; ip link set cable up'
watch; soon up
exec 5< <(exec nsenter -t $CAMERA -n python3 -c "
import socket
s = socket.create_server(('10.0.0.11', 554)); print('up', flush=True)
c = s.accept()[0]
while True:
  d = c.recv(1)
  if not d: break
  c.sendall(d)
"); read -r _ <&5
mkfifo go; exec 7<>go; exec 6< <(exec python3 -c "
import os, socket
os.setuid(960)
c = socket.socket(); c.settimeout(20); c.connect(('10.0.0.11', 554))
for word in (b'a', b'b'):
  c.sendall(word); print(c.recv(1).decode(), flush=True)
  if word == b'a': input()
" <&7); read -r first <&6; test "$first" = a
# Between the looks it takes anyway, which are 10 s apart: what it sees in less than 5 s, it was told of.
sleep 2; TRIES=50
nft insert rule inet opennvr input iifname camera0 accept comment opened
soon 'lacks opened nft list chain inet opennvr input'
soon 'verdict proven'
echo >&7; read -r second <&6; test "$second" = b
up; lacks 'camera link down' cat log; kill $WATCH; wait $WATCH; rm go`);
  });

  it('takes the link down while the shipped rules are not proven, and raises it when the rules are', () => {
    passes(`
watch; soon up; cp broken.nft now.nft; load broken.nft
soon down; soon 'verdict disproved'
load firewall.nft; soon up; soon 'verdict proven'; kill $WATCH; wait $WATCH`);
  });

  it('keeps a link down that somebody else raises', () => {
    passes(`
cp broken.nft now.nft; load broken.nft; watch; soon 'test -e certificate.json'
ip link set camera0 up; soon down; kill $WATCH; wait $WATCH`);
  });

  it('ends, and takes the link down, when it can no longer see changes', () => {
    passes(`
watch; soon up; kill $(pgrep -P $WATCH -x nft)
set +e; wait $WATCH; test $? = 1 && down && grep -q 'changes would not be seen' log`);
  });

  it('never raises it without a policy', () => {
    passes(`
echo '{}' >none.json; watch --policy none.json; soon 'test -e certificate.json'
verdict unknown; down; kill $WATCH; wait $WATCH`);
  });
});
