/** Exit statuses of `opennvr`; documented in docs/user/demo.md. */
export const EXIT = {
  ok: 0,
  /** The demo ran, and something was lost, not recorded, not stored or not looked at. */
  failed: 1,
  usage: 2,
  /** Something it needs is missing or did not start. */
  unavailable: 3,
  /** `frames get`: there is no such frame any more. */
  notFound: 4,
  /** Interrupted a second time. */
  interrupted: 130,
} as const;

/** Ends the program with one sentence for people and the given status. */
export class CliError extends Error {
  override name = 'CliError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
