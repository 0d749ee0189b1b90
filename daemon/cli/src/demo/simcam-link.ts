import { z } from 'zod';

const cameraCounts = z.object({
  id: z.string(),
  url: z.string(),
  framesSent: z.int().nonnegative(),
});
const report = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['ready', 'counts', 'finished']), cameras: z.array(cameraCounts) }),
  z.object({ type: z.literal('refused'), message: z.string() }),
]);

export type SimcamCounts = z.output<typeof cameraCounts>;

/** The simulator's side of the story, as it comes in over IPC. */
export class SimcamLink {
  readonly #cameras = new Map<string, SimcamCounts>();
  readonly #waiting = new Map<string, () => void>();
  readonly #onProblem: (message: string) => void;

  /** @param onProblem told of anything that is no good news, one sentence each. */
  constructor(onProblem: (message: string) => void) {
    this.#onProblem = onProblem;
  }

  /** Takes one IPC message. */
  take(message: unknown): void {
    const parsed = report.safeParse(message);
    if (!parsed.success) {
      this.#onProblem('opennvr-simcam said something that is no report');
      return;
    }
    if (parsed.data.type === 'refused') {
      this.#onProblem(`opennvr-simcam: ${parsed.data.message}`);
      return;
    }
    for (const camera of parsed.data.cameras) this.#cameras.set(camera.id, camera);
    this.#waiting.get(parsed.data.type)?.();
    this.#waiting.delete(parsed.data.type);
  }

  camera(id: string): SimcamCounts | undefined {
    return this.#cameras.get(id);
  }

  /** Resolves when the next report of this kind has come. */
  next(type: 'ready' | 'counts' | 'finished'): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(type, resolve);
    });
  }
}
