import { type Clock, invalidField, MediaError } from './types.ts';

/** Seconds a lease may last (`opennvr.media.v1.OpenLiveRequest`). */
export const LEASE = { min: 5, max: 300, normal: 30 } as const;

interface Lease {
  close: () => void;
  /** Wall clock, ms. */
  expires: number;
  cancelTimer: () => void;
}

/** Sessions that end by themselves unless somebody keeps asking for them. */
export class LeaseTable {
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #max: number;
  readonly #leases = new Map<string, Lease>();

  /** @param newId must be unguessable: knowing a session's id is the right to renew and to close it. */
  constructor(clock: Clock, newId: () => string, max: number) {
    this.#clock = clock;
    this.#newId = newId;
    this.#max = max;
  }

  get size(): number {
    return this.#leases.size;
  }

  /**
   * Refuses before any work is done for the session.
   *
   * @throws MediaError INVALID_ARGUMENT (length) or RESOURCE_EXHAUSTED.
   */
  check(seconds: number): void {
    leaseMs(seconds);
    if (this.#leases.size >= this.#max)
      throw new MediaError('exhausted', `${this.#max} live sessions are open, and that is the limit`);
  }

  /** `close` runs once, at {@link end} or when the lease runs out. Returns id and wall-clock expiry in ms. */
  open(seconds: number, close: () => void): { id: string; expires: number } {
    this.check(seconds);
    const id = this.#newId();
    const lease: Lease = { close, expires: 0, cancelTimer: () => undefined };
    this.#leases.set(id, lease);
    return { id, expires: this.#arm(id, lease, seconds) };
  }

  /** @throws MediaError NOT_FOUND once the lease has ended. */
  renew(id: string, seconds: number): number {
    const lease = this.#leases.get(id);
    if (!lease)
      throw new MediaError('notFound', 'session_id: no such session; it was closed or its lease ran out');
    return this.#arm(id, lease, seconds);
  }

  /** Idempotent. */
  end(id: string): void {
    const lease = this.#leases.get(id);
    if (!lease) return;
    this.#leases.delete(id);
    lease.cancelTimer();
    lease.close();
  }

  endAll(): void {
    for (const id of [...this.#leases.keys()]) this.end(id);
  }

  #arm(id: string, lease: Lease, seconds: number): number {
    const ms = leaseMs(seconds);
    lease.cancelTimer();
    lease.cancelTimer = this.#clock.after(ms, () => this.end(id));
    lease.expires = this.#clock.now() + ms;
    return lease.expires;
  }
}

function leaseMs(seconds: number): number {
  if (seconds === 0) return LEASE.normal * 1000;
  if (seconds < LEASE.min || seconds > LEASE.max)
    throw invalidField('lease_seconds', `expected ${LEASE.min} to ${LEASE.max}, or 0 for ${LEASE.normal}`);
  return seconds * 1000;
}
