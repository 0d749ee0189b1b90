/** Decides when the camera link may be up: only behind a proof. What it decides about is passed in. */
import { printable } from './outside.ts';
import type { Proof } from './prove.ts';

export interface Guarded {
  /** Never rejects: what cannot be proven is a proof with verdict `unknown`. */
  prove(): Promise<Proof>;
  /** Loads the shipped ruleset in one transaction; connections are left alone. */
  reload(): Promise<void>;
  /** undefined: no link to guard, only rules. */
  setLink: ((up: boolean) => Promise<void>) | undefined;
  /** Told of each verdict that differs from the one before, and of everything done about it. */
  tell(level: 'info' | 'error', message: string): void;
  /** Told of every proof. */
  publish(proof: Proof): Promise<void>;
}

/**
 * Checks one at a time: what happens during a check leads to one more. A ruleset that is not proven is replaced by the
 * shipped one; when that one is not proven either, the link goes down, and no second reload is tried on the same rules.
 */
export class Guard {
  readonly #box: Guarded;
  #verdict: Proof['verdict'] | undefined;
  #up: boolean | undefined;
  #ended = false;
  #hopeless: string | undefined;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(box: Guarded) {
    this.#box = box;
  }

  /** Resolves when a check that began after this call has ended. */
  check(): Promise<void> {
    this.#again = true;
    // Begun a tick later: a check asked for by the first step of this one has to find it running.
    this.#running ??= Promise.resolve().then(() => this.#checkAll());
    return this.#running;
  }

  /** Takes the link down for good. */
  async shut(): Promise<void> {
    this.#ended = true;
    await this.#running;
    await this.#link(false);
  }

  async #checkAll(): Promise<void> {
    try {
      while (this.#again) {
        this.#again = false;
        await this.#check();
      }
    } finally {
      // At once, or a check asked for in between would be told it was made.
      this.#running = undefined;
    }
  }

  async #check(): Promise<void> {
    let proof = await this.#box.prove();
    this.#tellVerdict(proof);
    if (!rulesHold(proof) && proof.ruleset !== this.#hopeless) {
      await this.#attempt('reload the shipped rules', () => this.#box.reload());
      proof = await this.#box.prove();
      this.#hopeless = rulesHold(proof) ? undefined : proof.ruleset;
      this.#tellVerdict(proof);
    }
    await this.#link(proof.verdict === 'proven');
    await this.#attempt('publish the certificate', () => this.#box.publish(proof));
  }

  /** Set again each time: a card may have come back, and somebody else may have raised it. */
  async #link(wanted: boolean): Promise<void> {
    const { setLink } = this.#box;
    if (setLink === undefined) return;
    const up = wanted && !this.#ended;
    const done = await this.#attempt(up ? 'raise the camera link' : 'take the camera link down', () =>
      setLink(up),
    );
    if (done && up !== this.#up)
      this.#box.tell(up || this.#ended ? 'info' : 'error', `camera link ${up ? 'up' : 'down'}`);
    if (done) this.#up = up;
  }

  async #attempt(what: string, act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      this.#box.tell('error', `could not ${what}: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  }

  #tellVerdict(proof: Proof): void {
    if (proof.verdict === this.#verdict) return;
    this.#verdict = proof.verdict;
    const wrong = [...proof.properties, ...(proof.host?.properties ?? [])].find(
      (p) => p.verdict !== 'proven',
    );
    const why = [
      proof.problems[0],
      wrong && `${wrong.id}: ${wrong.counterexample?.packet ?? wrong.reason ?? ''}`,
    ];
    const said = why.filter((w) => w !== undefined).map(printable);
    const level = proof.verdict === 'proven' ? 'info' : 'error';
    this.#box.tell(level, [`containment ${proof.verdict}`, ...said].join('; '));
  }
}

/** Whether the rules do; the machine around them is no ruleset's fault. */
const rulesHold = ({ properties, problems }: Proof): boolean =>
  problems.length === 0 && properties.length > 0 && properties.every((p) => p.verdict === 'proven');
