import { outcomeOf } from '@opennvr/tests/fuzz';
import { RtspError } from '../src/types.ts';

export { magnitude, promise } from '@opennvr/tests/fuzz';

/** What a parser that may throw an RtspError, and nothing else, answers. */
export const outcome = outcomeOf(RtspError);
