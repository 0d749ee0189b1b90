/**
 * Why there is no picture. `frame`: these bytes are no decodable intra picture. `worker`: the decoder process
 * could not be used. `busy`: too many requests wait. `cancelled`: nobody waits for the answer any more.
 */
export type FailureReason = 'frame' | 'worker' | 'busy' | 'cancelled';

export class DecodeFailure extends Error {
  override name = 'DecodeFailure';
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
