import type { DescribeResponse } from '@opennvr/proto/opennvr/inference/v1/inference';
import type { Clock } from '@opennvr/service';
import type { AdapterPlan } from '../types.ts';
import { AdapterClient } from './adapter-client.ts';
import type { InferenceError } from './failure.ts';

/** How long a new instance may take to become healthy before the status calls the swap failed; it is still tried. */
const WARM_UP_MS = 30_000;

/** One running instance of an adapter. */
export interface Instance {
  readonly socketPath: string;
  readonly view: string;
  readonly client: AdapterClient;
  /** Undefined while it is away. */
  description: DescribeResponse | undefined;
}

export interface SuccessionOptions {
  clock: Clock;
  /** The live instance is there, after it was away or by a swap. */
  onLive(description: DescribeResponse): void;
  /** Just before `onLive`: from here on it is another instance. */
  onSwap(): void;
  onGone(why: InferenceError): void;
  onWindow(): void;
}

/**
 * The instances of one adapter: the one that gets frames, the one that shall take over once it is healthy and has
 * described itself, and the one before, which finishes what it has within its deadline. The live one goes on for as
 * long as its successor is not ready.
 */
export class Succession {
  readonly #options: SuccessionOptions;
  #plan: AdapterPlan;
  #live: Instance;
  #next: Instance | undefined;
  #draining: Instance | undefined;
  #failure = '';
  #cancelWarmUp: () => void = () => undefined;

  constructor(plan: AdapterPlan, options: SuccessionOptions) {
    this.#options = options;
    this.#plan = plan;
    this.#live = this.#start(plan);
  }

  get live(): Instance {
    return this.#live;
  }

  /** As `AdapterStatus.swap` has it. */
  get swap(): string {
    if (this.#next) return this.#failure === '' ? 'warming' : `failed: ${this.#failure}`;
    return this.#draining ? 'draining' : '';
  }

  /** Begins a swap when the socket or the view is another one; a swap to anything else is given up. */
  follow(plan: AdapterPlan): void {
    this.#plan = plan;
    if (this.#next && isOf(this.#next, plan)) return;
    this.#giveUp();
    if (isOf(this.#live, plan)) return;
    this.#next = this.#start(plan);
    this.#cancelWarmUp = this.#options.clock.after(WARM_UP_MS, () => {
      this.#failure ||= `not healthy after ${WARM_UP_MS / 1000} s`;
    });
  }

  close(): void {
    this.#giveUp();
    this.#live.client.close();
    this.#draining?.client.close();
  }

  #start({ socketPath, view }: AdapterPlan): Instance {
    const instance: Instance = {
      socketPath,
      view,
      description: undefined,
      client: new AdapterClient({
        socketPath,
        clock: this.#options.clock,
        onDescribed: (description) => this.#onDescribed(instance, description),
        onGone: (why) => this.#onGone(instance, why),
        onWindow: () => {
          if (instance === this.#live) this.#options.onWindow();
        },
      }),
    };
    return instance;
  }

  #onDescribed(instance: Instance, description: DescribeResponse): void {
    instance.description = description;
    if (instance === this.#next) {
      const before = this.#live;
      this.#live = instance;
      this.#next = undefined;
      this.#giveUp();
      this.#options.onSwap();
      this.#drain(before);
    }
    if (instance === this.#live) this.#options.onLive(description);
  }

  #onGone(instance: Instance, why: InferenceError): void {
    instance.description = undefined;
    if (instance === this.#live) this.#options.onGone(why);
    // Not being there yet is what starting looks like; breaking the contract is not.
    if (instance === this.#next && (why.reason === 'contract' || this.#failure !== ''))
      this.#failure = why.message;
  }

  #drain(before: Instance): void {
    this.#draining?.client.close();
    this.#draining = before;
    void before.client.drain(this.#plan.deadlineMs).then(() => {
      if (this.#draining === before) this.#draining = undefined;
    });
  }

  #giveUp(): void {
    this.#cancelWarmUp();
    this.#failure = '';
    this.#next?.client.close();
    this.#next = undefined;
  }
}

function isOf(instance: Instance, { socketPath, view }: AdapterPlan): boolean {
  return instance.socketPath === socketPath && instance.view === view;
}
