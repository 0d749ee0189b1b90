import { runAdapter } from '@opennvr/adapter-sdk';
import { motionAdapter } from './adapter.ts';

await runAdapter('motion', motionAdapter());
