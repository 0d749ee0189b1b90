import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Plan } from '@opennvr/proto/opennvr/kaic/v1/kaic';

/** The plan last applied, so that kaic, restarted alone, goes on with it. */
export class PlanFile {
  readonly #path: string;

  constructor(stateDir: string) {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    this.#path = join(stateDir, 'plan.json');
  }

  /**
   * Reads the plan; undefined when there is none.
   *
   * @throws Error when the file cannot be read or is no JSON.
   */
  load(): Plan | undefined {
    try {
      return Plan.fromJSON(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Durable once it returns. */
  save(plan: Plan): void {
    const temporary = `${this.#path}.new`;
    const fd = openSync(temporary, 'w', 0o600);
    try {
      // All of it or an error: a single write(2) on a full disk may end early and say so only in its count.
      writeFileSync(fd, JSON.stringify(Plan.toJSON(plan)));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.#path);
  }
}
