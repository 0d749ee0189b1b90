/**
 * An adapter that misbehaves in one chosen way: opennvr-adapter-chaos --socket PATH --fault NAME [--frames DIR]
 *
 * Made for `opennvr demo --chaos` and the fault lab. Never grant it anything.
 */
import { parseArgs } from 'node:util';
import { FAULTS } from './faults.ts';

const { values } = parseArgs({
  options: { socket: { type: 'string' }, fault: { type: 'string' }, frames: { type: 'string' } },
});
const fault = FAULTS[values.fault ?? ''];
if (!fault || values.socket === undefined) {
  process.stderr.write(
    `usage: opennvr-adapter-chaos --socket PATH --fault NAME [--frames DIR]\n\nFaults:\n${Object.entries(
      FAULTS,
    )
      .map(([name, { what }]) => `  ${name.padEnd(18)} ${what}\n`)
      .join('')}`,
  );
  process.exit(64);
}
await fault.start({ socketPath: values.socket, framesDir: values.frames });
