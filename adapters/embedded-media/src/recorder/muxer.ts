import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Block, Format } from './format.ts';
import { FragmentParser, type Piece } from './fragments.ts';
import { matroskaBlock, matroskaHeader } from './matroska.ts';

export interface MuxerOptions {
  ffmpeg: string;
  format: Format;
  /** Length of a part, ms. */
  partMs: number;
  /** One line of ffmpeg's own complaints. */
  onMessage: (line: string) => void;
}

/** ffmpeg's `-c copy` from our blocks to fragmented MP4: one process for as long as the format stays. */
export class Muxer {
  readonly parser = new FragmentParser();
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<string | undefined>;

  constructor(options: MuxerOptions) {
    this.#child = spawn(options.ffmpeg, muxerArguments(options), { stdio: 'pipe' });
    // A pipe that breaks is the child's end, and that is told below.
    this.#child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: this.#child.stderr });
    lines.on('line', (line) => options.onMessage(line.slice(0, 500)));
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('close', (code, signal) => {
        if (code === 0) resolve(undefined);
        else resolve(signal ? `ffmpeg was ended by ${signal}` : `ffmpeg left with status ${code}`);
      });
    });
    this.#child.stdin.write(matroskaHeader(options.format));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  write(block: Block): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(matroskaBlock(block));
  }

  /**
   * What ffmpeg writes, until it ends. The consumer's pace is ffmpeg's pace.
   *
   * @throws Error when it ends otherwise than after {@link end}; FragmentError for output we cannot read.
   */
  async *pieces(): AsyncGenerator<Piece> {
    for await (const chunk of this.#child.stdout) yield* this.parser.push(chunk as Buffer);
    const problem = await this.#ended;
    if (problem !== undefined) throw new Error(problem);
  }

  /** No more blocks: ffmpeg writes what it holds and ends. */
  end(): void {
    this.#child.stdin.end();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.pid === undefined) return;
    const gone = once(this.#child, 'close');
    this.#child.stdout.resume();
    this.#child.kill('SIGKILL');
    await gone;
  }
}

function muxerArguments({ format, partMs }: MuxerOptions): string[] {
  // MP4 proper has no code for G.711; the QuickTime flavour of the same boxes has (as `alaw` and `ulaw`).
  const flavour = format.audio?.codec === 'pcma' || format.audio?.codec === 'pcmu' ? 'mov' : 'mp4';
  return [
    ...['-hide_banner', '-nostats', '-loglevel', 'warning'],
    // The header says all there is to know; looking further would hold frames back.
    ...['-probesize', '32', '-analyzeduration', '0', '-f', 'matroska', '-i', 'pipe:0'],
    ...['-map', '0', '-c', 'copy', '-copyts', '-strict', '-2', '-video_track_timescale', '90000'],
    // An audio track that falls silent must not hold up the video for ffmpeg's usual 10 s (in µs).
    ...['-max_interleave_delta', '1000000'],
    ...['-f', flavour, '-movflags', '+empty_moov+default_base_moof+frag_keyframe+frag_discont'],
    ...['-use_editlist', '0', '-frag_duration', String(partMs * 1000), '-flush_packets', '1', 'pipe:1'],
  ];
}
