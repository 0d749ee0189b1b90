import { expect, it } from 'vitest';
import { InterleavedFanout } from '../src/server/fanout.ts';

it('what is sent in one turn is one write, the same bytes for every reader, and the memory is used again', async () => {
  const fanout = new InterleavedFanout([0, -1, 4]);
  const writes: { reader: number; bytes: Buffer; text: string }[] = [];
  const sink = (reader: number) => ({
    write: (bytes: Buffer) => {
      writes.push({ reader, bytes, text: bytes.toString('latin1') });
      return false;
    },
  });
  for (const reader of [1, 2]) fanout.add(sink(reader));
  const packet = Buffer.from('..packet');
  fanout.send(0, 0, packet, 2, 8);
  fanout.send(1, 0, packet, 2, 8);
  fanout.send(2, 1, packet, 2, 4);
  expect(writes).toEqual([]);
  await Promise.resolve();
  expect(writes.map(({ reader, text }) => [reader, text])).toEqual([
    [1, '$\0\0\x06packet$\x05\0\x02pa'],
    [2, '$\0\0\x06packet$\x05\0\x02pa'],
  ]);
  fanout.send(0, 0, packet, 0, 1);
  await Promise.resolve();
  expect(new Set(writes.map(({ bytes }) => bytes.buffer)).size).toBe(1);
});

it('a batch is at most 64 KiB, however much is sent in one turn', async () => {
  const fanout = new InterleavedFanout([0]);
  const lengths: number[] = [];
  fanout.add({
    write: (bytes) => {
      lengths.push(bytes.length);
      return true;
    },
  });
  for (let i = 0; i < 100; i++) fanout.send(0, 0, Buffer.alloc(1400), 0, 1400);
  await Promise.resolve();
  expect(lengths.reduce((sum, n) => sum + n)).toBe(100 * 1404);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(64 * 1024);
});
