// make fuzz ARGS="decoder [--runs N] [--seed S]": hostile inputs for the parsers of the decoder.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { ffmpeg, keyframes } from '../test/support.ts';
import { fuzzJpegStream, fuzzPlain } from './properties.ts';

const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
const numRuns = Number(values.runs ?? 1_000_000);
const seed = Number(values.seed ?? randomInt(2 ** 31));
const source = 'color=gray:s=66x50:r=4';
const jpeg = ffmpeg([
  '-f',
  'lavfi',
  '-i',
  source,
  '-frames:v',
  '1',
  '-c:v',
  'mjpeg',
  '-f',
  'image2pipe',
  'pipe:1',
]);
const targets = [
  fuzzPlain('h264', keyframes({ codec: 'h264', source, frames: 1 })),
  fuzzPlain('h265', keyframes({ codec: 'h265', source, frames: 1 })),
  fuzzJpegStream([jpeg, Buffer.concat([jpeg, jpeg])]),
];
console.log(`seed ${seed}, ${numRuns} inputs a target`);
for (const { name, property, accepted } of targets) {
  const { failed, counterexample } = fc.check(property, { numRuns, seed });
  console.log(`${name.padEnd(14)} ${failed ? 'FAILED' : 'ok'}: ${accepted()} accepted`);
  if (failed) console.error(counterexample?.[0].toString('hex'));
  if (failed || accepted() === 0) process.exitCode = 1;
}
