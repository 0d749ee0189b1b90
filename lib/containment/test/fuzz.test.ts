import { shortRun } from '@opennvr/tests/fuzz/short-run';
import { targets } from '../fuzz/index.ts';

shortRun(targets);
