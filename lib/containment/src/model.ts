/** The parts below the proof, for tests that hold the model against a kernel. */
export { type Algebra, BddAlgebra, type Packet } from './algebra.ts';
export { Executor } from './execute.ts';
export { Interfaces } from './interfaces.ts';
export { type Hook, type Ruleset, VARIABLES } from './ir.ts';
export { type Stage, stageOf } from './lower.ts';
export { Replay } from './replay.ts';
export { parseRuleset } from './ruleset.ts';
