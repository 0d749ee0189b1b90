import { join } from 'node:path';
import { DecoderServiceService } from '@opennvr/proto/opennvr/decoder/v1/decoder';
import { serveUnix, service } from '@opennvr/service';
import { expect, onTestFinished, test } from 'vitest';
import { DecoderClient } from '../src/inference/decoder-client.ts';
import { scratch, until } from './support.ts';

test('a decoder that hangs is handed a bounded number of frames, and the next ones once it answers', async () => {
  const path = join(scratch(), 'decoder.sock');
  const answers: (() => void)[] = [];
  const server = await serveUnix(path, [
    service('opennvr.decoder.v1.DecoderService', DecoderServiceService, {
      decode: (_: unknown, callback: (error: null, value: object) => void) =>
        answers.push(() => callback(null, { jpeg: Buffer.from('jpeg'), width: 1, height: 1 })),
    }),
  ]);
  onTestFinished(() => server.close(0));
  const client = new DecoderClient(path);
  onTestFinished(() => client.close());
  await until(() => client.status().connected, 'the decoder');
  const decode = () => client.decode('h264', Buffer.alloc(1000), 0);
  const taken = Array.from({ length: 64 }, decode);
  await expect(decode()).rejects.toMatchObject({ reason: 'overloaded' });
  await until(() => answers.length === 64, 'all others to arrive');
  for (const answer of answers.splice(0)) answer();
  expect(await Promise.all(taken)).toHaveLength(64);
  const next = decode();
  await until(() => answers.length === 1, 'the next');
  answers[0]?.();
  expect(await next).toMatchObject({ width: 1 });
});
