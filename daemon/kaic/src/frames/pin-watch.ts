import type { Clock, Logger } from '@opennvr/service';
import { findLastingPinners, processStart } from './pins.ts';
import type { FrameStore } from './store.ts';

/** Between two looks through /proc, ms. */
const PAUSE_MS = 1000;

export interface PinWatchOptions {
  store: Pick<FrameStore, 'dir' | 'ownFilesystem' | 'pinLimit'>;
  clock: Clock;
  log: Logger;
  /** Ends a process found guilty; throws when not allowed to. */
  cutOff?: ((pid: number) => void) | undefined;
}

/** Finds readers that hoard deleted frames, names them and cuts them off. Looks only when told to suspect. */
export class PinWatch {
  readonly #options: PinWatchOptions;
  #busy = false;
  #closed = false;
  #pids: number[] = [];

  constructor(options: PinWatchOptions) {
    this.#options = options;
  }

  /** Pids that held more than the limit when last looked. */
  get pids(): number[] {
    return this.#pids;
  }

  /** Starts a look unless one is under way or was just made. */
  suspect(): void {
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    this.#look()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'could not look who pins frames'))
      .finally(() => this.#options.clock.after(PAUSE_MS, () => this.#rest()));
  }

  close(): void {
    this.#closed = true;
  }

  #rest(): void {
    this.#busy = false;
    // Nobody tells when a reader lets go: look again until there is nobody left to name.
    if (this.#pids.length > 0) this.suspect();
  }

  async #look(): Promise<void> {
    const { store, clock } = this.#options;
    const limit = store.pinLimit;
    const lasting = await findLastingPinners(store.dir, store.ownFilesystem, clock);
    const guilty = lasting.filter(({ bytes }) => bytes > limit);
    this.#pids = guilty.map(({ pinner }) => pinner.pid);
    for (const { pinner, bytes } of guilty)
      await this.#cut(pinner.pid, pinner.startTime, pinner.inodes.size, bytes);
  }

  async #cut(pid: number, startTime: string, frames: number, bytes: number): Promise<void> {
    const { log, cutOff } = this.#options;
    log.warn({ pid, frames, bytes }, 'a reader keeps deleted frames and so fills the frame store');
    // A pid is only a number: make sure it is still the same process.
    if (!cutOff || (await processStart(pid)) !== startTime) return;
    try {
      cutOff(pid);
      log.warn({ pid }, 'reader cut off');
    } catch (error) {
      log.error({ pid, err: error }, 'reader not cut off: whoever runs it must restart it');
    }
  }
}
