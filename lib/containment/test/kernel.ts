import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Box, definesOf, type Ids, policyOf } from '../src/index.ts';

/** The files the appliance ships. */
export const rootfs = fileURLToPath(new URL('../../../nix/rootfs', import.meta.url));
export const ids = JSON.parse(readFileSync(`${rootfs}/etc/opennvr/ids.json`, 'utf8')) as Ids;
export const shipped = readFileSync(`${rootfs}/etc/opennvr/firewall.nft`, 'utf8');

export const box: Box = {
  phase: 'running',
  cameraSubnet: '10.0.0.0/24',
  cameraAddress: '10.0.0.1',
  cameras: [
    {
      address: '10.0.0.11',
      mac: '02:00:00:00:00:11',
      mediaTcp: [[554, 554]],
      mediaUdp: [[5000, 5010]],
      configTcp: [[80, 80]],
    },
    { address: '10.0.0.12', mediaTcp: [[554, 554]], mediaUdp: [], configTcp: [[80, 80]] },
  ],
  ntpServers: ['192.168.1.1', 'fd00::1'],
};
export const policy = policyOf(box, ids);

let made = 0;

/** Why the kernel cannot be asked here, or undefined. */
export function noKernel(): string | undefined {
  try {
    execFileSync('unshare', ['-n', 'nft', 'list', 'ruleset'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'needs root, unshare and nft';
  }
}

/** Loads a ruleset in a network namespace of its own and returns what the kernel then lists. */
export function loaded(ruleset: string, defines = definesOf(box, ids)): string {
  const folder = mkdtempSync(path.join(tmpdir(), `opennvr-nft-${process.pid}-${made++}-`));
  try {
    writeFileSync(path.join(folder, 'opennvr-box.nft'), defines);
    writeFileSync(path.join(folder, 'rules.nft'), ruleset);
    const script = 'nft -I "$1" -f "$1/rules.nft" && nft -j -n list ruleset';
    return execFileSync('unshare', ['-n', 'sh', '-c', script, 'sh', folder], {
      encoding: 'utf8',
      stdio: 'pipe',
      maxBuffer: 256 * 1024 * 1024,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
