import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Clock } from '@opennvr/service';
import type { Codec } from './bitstream/plain.ts';
import { DecodeFailure } from './errors.ts';
import { type Colour, fence } from './fence.ts';
import { type Size, spawnFfmpeg, warmArguments } from './ffmpeg.ts';
import { type Jpeg, JpegStream } from './jpeg-stream.ts';
import type { Sandbox } from './sandbox.ts';

export interface WarmWorkerOptions {
  codec: Codec;
  size: Size;
  sandbox: Sandbox;
  clock: Clock;
  random: () => number;
  timeoutMs: number;
}

/** Fences in use at once: enough that one that comes late is never the one waited for. */
const FENCES = 4;

interface Pending {
  /** Index of the fence that ends this request. */
  fence: number;
  picture: Jpeg | undefined;
  resolve(picture: Jpeg): void;
  reject(error: DecodeFailure): void;
  /** The fence came out, or never will: the next picture may go in. */
  ended(): void;
  cancelTimer(): void;
}

/**
 * A decoder process kept running, shared by all cameras of one codec and output size.
 *
 * What comes out must be: one picture of the right size, then the fence that was sent behind it, byte for byte as
 * it looked when this process started (in colours chosen at random, so that no camera can draw one). Anything else
 * (a second picture, an older fence, an error message, silence, a byte while nothing was asked) kills the process:
 * a picture is never given to a request it does not belong to.
 *
 * A picture is given out as soon as it is there, not only behind its own fence: what lies between two fences can come
 * from one request alone, and the fence before it has wiped what the decoder knew. The next request waits for the fence.
 */
export class WarmWorker {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #options: WarmWorkerOptions;
  readonly #stream = new JpegStream();
  readonly #fences: { input: Buffer; output: Buffer | undefined }[];
  readonly #ready: Promise<void>;
  #learned: () => void = () => undefined;
  #fenced: Promise<void> = Promise.resolve();
  #pending: Pending | undefined;
  #lastFence = FENCES - 1;
  #complaint = '';
  #dead: DecodeFailure | undefined;

  constructor(options: WarmWorkerOptions) {
    this.#options = options;
    this.#fences = chooseColours(options.random).map((colour) => ({
      input: fence(options.codec, colour),
      output: undefined,
    }));
    this.#child = spawnFfmpeg(options.sandbox, warmArguments(options.codec, options.size));
    this.#child.on('error', (error) => this.#die(new DecodeFailure('worker', `ffmpeg: ${error.message}`)));
    this.#child.on('close', () => this.#die(this.#failure('the decoder ended')));
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#complaint = (this.#complaint + text.toString('latin1')).slice(0, 400);
      this.#die(this.#failure('the decoder complained'));
    });
    this.#child.stdout.on('data', (chunk: Buffer) => this.#onOutput(chunk));
    this.#ready = new Promise<void>((resolve, reject) => {
      this.#pending = {
        fence: -1,
        picture: undefined,
        resolve: () => undefined,
        reject,
        ended: () => undefined,
        cancelTimer: options.clock.after(options.timeoutMs + 5000, () =>
          this.#die(new DecodeFailure('worker', 'the decoder did not start')),
        ),
      };
      this.#learned = resolve;
    });
    this.#ready.catch(() => undefined); // reported to whoever decodes
    for (const { input } of this.#fences) this.#child.stdin.write(input);
  }

  get alive(): boolean {
    return this.#dead === undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * One picture in, its JPEG out. One call at a time.
   *
   * @param annexB from `plainAccessUnit`.
   * @throws DecodeFailure `frame` when this picture was the cause; the worker is dead then.
   */
  async decode(annexB: Buffer): Promise<Jpeg> {
    await this.#ready;
    await this.#fenced;
    if (this.#dead) throw this.#dead;
    if (this.#pending) throw new Error('one picture at a time');
    let ended: () => void = () => undefined;
    this.#fenced = new Promise<void>((resolve) => {
      ended = resolve;
    });
    return new Promise<Jpeg>((resolve, reject) => {
      const next = (this.#lastFence + 1 + Math.floor(this.#options.random() * (FENCES - 1))) % FENCES;
      this.#lastFence = next;
      this.#pending = {
        fence: next,
        picture: undefined,
        resolve,
        reject,
        ended,
        cancelTimer: this.#options.clock.after(this.#options.timeoutMs, () =>
          this.#die(new DecodeFailure('frame', `no picture within ${this.#options.timeoutMs} ms`)),
        ),
      };
      this.#child.stdin.write(annexB);
      this.#child.stdin.write(this.#fences[next]?.input);
    });
  }

  kill(): void {
    this.#die(new DecodeFailure('worker', 'the decoder was stopped'));
  }

  #onOutput(chunk: Buffer): void {
    if (this.#dead) return;
    if (!this.#pending) {
      this.#die(this.#failure('bytes that nobody asked for'));
      return;
    }
    try {
      for (const jpeg of this.#stream.push(chunk)) this.#onPicture(jpeg);
    } catch (error) {
      this.#die(this.#failure(error instanceof Error ? error.message : String(error)));
    }
  }

  #onPicture(jpeg: Jpeg): void {
    const { size } = this.#options;
    if (jpeg.width !== size.width || jpeg.height !== size.height) {
      this.#die(this.#failure('a picture of another size'));
    } else if (this.#pending === undefined) {
      this.#die(this.#failure('a picture that nobody asked for'));
    } else if (this.#pending.fence < 0) {
      this.#learn(jpeg);
    } else if (this.#fences.some(({ output }) => output?.equals(jpeg.data))) {
      this.#onFence(this.#pending, jpeg);
    } else if (this.#pending.picture) {
      this.#die(this.#failure('two pictures out of one access unit'));
    } else {
      this.#give(this.#pending, jpeg);
    }
  }

  /** What ffmpeg complains of it says before it writes the picture: within this turn of the event loop we read it. */
  #give(pending: Pending, picture: Jpeg): void {
    pending.picture = picture;
    setImmediate(() => {
      if (!this.#dead) pending.resolve(picture);
    });
  }

  /** Fences come back in the order they went in. */
  #learn(jpeg: Jpeg): void {
    const open = this.#fences.find(({ output }) => output === undefined);
    if (open) open.output = jpeg.data;
    if (this.#fences.some(({ output }) => output === undefined)) return;
    if (new Set(this.#fences.map(({ output }) => output?.toString('latin1'))).size !== FENCES) {
      this.#die(new DecodeFailure('worker', 'fences cannot be told apart'));
      return;
    }
    this.#pending?.cancelTimer();
    this.#pending = undefined;
    this.#learned();
  }

  #onFence(pending: Pending, jpeg: Jpeg): void {
    if (!this.#fences[pending.fence]?.output?.equals(jpeg.data)) {
      this.#die(this.#failure('an older fence'));
    } else if (!pending.picture) {
      this.#die(this.#failure('no picture came out'));
    } else {
      pending.cancelTimer();
      this.#pending = undefined;
      pending.ended();
    }
  }

  #failure(what: string): DecodeFailure {
    const complaint = this.#complaint.replace(/\s+/g, ' ').trim();
    return new DecodeFailure('frame', complaint === '' ? what : `${what}: ${complaint}`);
  }

  #die(why: DecodeFailure): void {
    if (this.#dead) return;
    this.#dead = why;
    this.#child.kill('SIGKILL');
    this.#pending?.cancelTimer();
    this.#pending?.reject(why);
    this.#pending?.ended();
    this.#pending = undefined;
  }
}

/** Luma a good step apart, so that their JPEGs differ at any quality; the rest unknown to cameras. */
function chooseColours(random: () => number): Colour[] {
  const start = 32 + Math.floor(random() * 40);
  const chroma = () => 48 + Math.floor(random() * 160);
  const colours = Array.from({ length: FENCES }, (_, i): Colour => [start + i * 40, chroma(), chroma()]);
  return colours
    .map((colour) => ({ colour, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ colour }) => colour);
}
