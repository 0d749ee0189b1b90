export { FAULTS, type Fault, faultNames } from './faults.ts';
