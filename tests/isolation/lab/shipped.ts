import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Box, definesOf, type Ids, policyOf } from '@opennvr/containment';

const read = (name: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../nix/rootfs/etc/opennvr/${name}`, import.meta.url)), 'utf8');

const box: Box = {
  phase: 'running',
  cameraSubnet: '10.0.0.0/24',
  cameraAddress: '10.0.0.1',
  cameras: [
    { address: '10.0.0.11', mediaTcp: [[554, 554]], mediaUdp: [[5000, 5010]], configTcp: [[80, 80]] },
    { address: '10.0.0.12', mediaTcp: [[554, 554]], mediaUdp: [], configTcp: [[80, 80]] },
  ],
  ntpServers: [],
};
const ids = JSON.parse(read('ids.json')) as Ids;

/** The files of the appliance, with the defines of one box written into them. */
export const shipped = read('firewall.nft').replace('include "opennvr-box.nft"', definesOf(box, ids));
export const lockdown = read('lockdown.nft');
export const policy = policyOf(box, ids);
