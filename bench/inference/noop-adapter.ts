/** An adapter that looks at nothing: noop-adapter.js SOCKET MAX_WIDTH */
import { serveAdapter } from '@opennvr/adapter-sdk';
import { createLogger } from '@opennvr/service';

const [socketPath = '', maxWidth = '0'] = process.argv.slice(2);
await serveAdapter(
  {
    describe: () => ({
      name: 'noop',
      version: '1',
      vendor: 'OpenNVR',
      license: 'Apache-2.0',
      model: { name: 'none', version: '1', fingerprint: '' },
      tasks: ['nothing'],
      labels: [],
      input: { encodings: [], maxWidth: Number(maxWidth) },
      limits: { maxInFlight: 4 },
    }),
    infer: () => ({}),
  },
  { socketPath, log: createLogger('noop') },
);
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
