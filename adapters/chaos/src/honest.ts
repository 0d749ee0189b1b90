import {
  type Adapter,
  FrameEncoding,
  type InferRequest,
  type Result,
  serveAdapter,
} from '@opennvr/adapter-sdk';
import { FrameDelivery } from '@opennvr/proto/opennvr/inference/v1/inference';
import { createLogger } from '@opennvr/service';

/** What every fault says of itself; what it does is another matter. */
export const DESCRIPTION = {
  name: 'chaos',
  version: '0.1.0',
  vendor: 'OpenNVR',
  license: 'Apache-2.0',
  model: { name: 'none', version: '1', fingerprint: '' },
  tasks: ['chaos'],
  input: { encodings: [FrameEncoding.FRAME_ENCODING_JPEG], maxWidth: 320 },
};

/** What a fault answers for as long as it behaves. */
export const FINE: Result = { classifications: [{ label: 'fine', confidence: 1 }] };

/** An adapter that keeps the contract, but for what `infer` does. */
export async function serve(
  socketPath: string,
  infer: (request: InferRequest) => Promise<Result> | Result,
  delivery: FrameDelivery = FrameDelivery.FRAME_DELIVERY_INLINE,
): Promise<void> {
  const adapter: Adapter = {
    describe: () => ({ ...DESCRIPTION, input: { ...DESCRIPTION.input, delivery } }),
    infer,
  };
  await serveAdapter(adapter, { socketPath, log: createLogger('chaos') });
}
