import type { Clock } from '@opennvr/service';
import type { Codec } from './bitstream/plain.ts';
import { DecodeFailure } from './errors.ts';
import { oneShotArguments, spawnFfmpeg } from './ffmpeg.ts';
import { type Jpeg, JpegStream } from './jpeg-stream.ts';
import type { Sandbox } from './sandbox.ts';

export interface OneShotOptions {
  codec: Codec;
  maxWidth: number;
  sandbox: Sandbox;
  clock: Clock;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Decodes in a process that has seen nothing before and sees nothing after: for streams that a shared decoder
 * should not meet (fields, reordering it cannot be talked out of, several layers), at the price of its start.
 *
 * @throws DecodeFailure
 */
export function decodeOnce(accessUnit: Buffer, options: OneShotOptions): Promise<Jpeg> {
  return new Promise<Jpeg>((resolve, reject) => {
    const child = spawnFfmpeg(options.sandbox, oneShotArguments(options.codec, options.maxWidth));
    const stream = new JpegStream();
    const pictures: Jpeg[] = [];
    let complaint = '';
    let failure: DecodeFailure | undefined;
    const fail = (error: DecodeFailure) => {
      failure ??= error;
      child.kill('SIGKILL');
    };
    const onAbort = () => fail(new DecodeFailure('cancelled', 'nobody waits for this picture'));
    const cancelTimer = options.clock.after(options.timeoutMs, () =>
      fail(new DecodeFailure('frame', `no picture within ${options.timeoutMs} ms`)),
    );
    options.signal.addEventListener('abort', onAbort, { once: true });
    child.on('error', (error) => fail(new DecodeFailure('worker', `ffmpeg: ${error.message}`)));
    child.stderr.on('data', (text: Buffer) => {
      complaint = (complaint + text.toString('latin1')).slice(0, 400);
    });
    child.stdout.on('data', (chunk: Buffer) => {
      try {
        pictures.push(...stream.push(chunk));
      } catch (error) {
        fail(new DecodeFailure('frame', error instanceof Error ? error.message : String(error)));
      }
    });
    child.on('close', (code) => {
      cancelTimer();
      options.signal.removeEventListener('abort', onAbort);
      const [picture] = pictures;
      if (failure) reject(failure);
      else if (picture && code === 0 && complaint === '') resolve(picture);
      else reject(new DecodeFailure('frame', complaint.replace(/\s+/g, ' ').trim() || 'no picture came out'));
    });
    child.stdin.end(accessUnit);
  });
}
