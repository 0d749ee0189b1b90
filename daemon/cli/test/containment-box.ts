import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Box, definesOf, type Ids, policyOf } from '@opennvr/containment';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const etc = join(root, 'nix/rootfs/etc/opennvr');
export const folder = mkdtempSync(join(tmpdir(), 'opennvr-containment-'));
const bundled = join(folder, 'opennvr.js');

const box: Box = {
  phase: 'running',
  cameraSubnet: '10.0.0.0/24',
  cameraAddress: '10.0.0.1',
  cameras: [
    {
      address: '10.0.0.11',
      mac: '02:00:00:00:00:11',
      mediaTcp: [[554, 554]],
      mediaUdp: [],
      configTcp: [[80, 80]],
    },
  ],
  ntpServers: [],
};

/** Why no namespace with a packet filter can be had here; '' when it can. */
function missing(): string {
  const probe = 'nft list ruleset && python3 -V && ip -V && tc -V';
  const { status } = spawnSync('unshare', ['-n', '-p', '-f', '--mount-proc', 'sh', '-c', probe]);
  return status === 0 ? '' : ' (skipped: needs root, unshare, nft, iproute2 and python3)';
}
export const why = missing();

/** Rules, a policy, their defines and the program in one folder; call it before the first test. */
export async function prepareBox(): Promise<void> {
  const ids = JSON.parse(await readFile(join(etc, 'ids.json'), 'utf8')) as Ids;
  writeFileSync(join(folder, 'policy.json'), JSON.stringify(policyOf(box, ids)));
  writeFileSync(join(folder, 'opennvr-box.nft'), definesOf(box, ids));
  const shipped = await readFile(join(etc, 'firewall.nft'), 'utf8');
  writeFileSync(join(folder, 'firewall.nft'), shipped);
  writeFileSync(
    join(folder, 'broken.nft'),
    shipped
      .replace('tcp dport @web_tcp accept', 'accept')
      .replace('iifname "camera0" goto input_camera', 'iifname "camera0" accept'),
  );
  const source = `import { bundle } from ${JSON.stringify(pathToFileURL(join(root, 'scripts/bundle.mjs')).href)};
await bundle(${JSON.stringify(join(root, 'daemon/cli/src/main.ts'))}, ${JSON.stringify(bundled)});`;
  execFileSync(process.execPath, ['--input-type=module', '-e', source], { cwd: root });
}

export const removeBox = (): void => rmSync(folder, { recursive: true, force: true });

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

export const opennvr = (args: readonly string[], input = ''): Ended =>
  spawnSync(process.execPath, [bundled, ...args], { encoding: 'utf8', input });

/** Runs a script in network and process namespaces of its own, with everything in them gone at its end. */
export function inNamespace(script: string): Ended {
  const prelude = `cd "$1"; shift; opennvr() { "$@"; }; load() { nft -I . -f "$1"; }; O="$*"\n`;
  const args = ['-n', '-p', '-f', '--mount-proc', '--kill-child', 'bash', '-ec', prelude + script];
  return spawnSync('unshare', [...args, 'bash', folder, process.execPath, bundled], { encoding: 'utf8' });
}

/** camera0 and a trusted0, as the appliance sets them up; the cable of camera0 ends in $CAMERA. */
export const CARDS = `
for k in all default; do
  echo 1 >/proc/sys/net/ipv4/conf/$k/rp_filter; echo 2 >/proc/sys/net/ipv4/conf/$k/arp_ignore
  echo 0 >/proc/sys/net/ipv4/conf/$k/accept_source_route; echo 0 >/proc/sys/net/ipv4/conf/$k/forwarding
done
echo 0 >/proc/sys/net/ipv6/conf/all/forwarding; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
exec 3< <(exec unshare -n sh -c 'echo up; exec sleep 60'); CAMERA=$!; read -r _ <&3
ip link set lo up
ip link add camera0 type veth peer name cable netns $CAMERA
ip link add trusted0 type veth peer name lan netns $CAMERA
ip addr add 10.0.0.1/24 dev camera0; ip link set camera0 up; ip link set trusted0 up
load firewall.nft
`;
