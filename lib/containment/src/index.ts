export { type Box, definesOf, type Ids, policyOf } from './box.ts';
export type { Counterexample } from './counterexample.ts';
export {
  CAMERA_SUBNETS,
  checkHost,
  type HostCertificate,
  type HostFacts,
  type HostInterface,
  type HostRoute,
} from './host.ts';
export {
  checkPolicy,
  type ListedCamera,
  type Policy,
  PolicyError,
  type PortRange,
  parsePolicy,
} from './policy.ts';
export {
  type Certificate,
  ENGINE,
  type ProofInput,
  type ProofVerdict,
  type PropertyResult,
  prove,
  rulesetHash,
} from './prove.ts';
