import type { Chain, Pred } from './ir.ts';

/** What a card nobody mentioned might be called; the first that no prefix of the ruleset covers. */
const OTHER_STEMS = ['usbnet', 'wlan', 'card', '~', '^', '%'];

/**
 * Interface names, as far as a ruleset can tell them apart: each name it mentions, one made-up name for each
 * prefix (`cam*`), and one that nothing mentions.
 */
export class Interfaces {
  readonly names: readonly string[];
  readonly #index: ReadonlyMap<string, number>;

  private constructor(names: readonly string[]) {
    this.names = names;
    this.#index = new Map(names.map((name, i) => [name, i]));
  }

  /** @param known names the policy speaks of, whether the ruleset does or not */
  static of(chains: Iterable<Chain>, known: readonly string[]): Interfaces {
    const literal = new Set(['lo', ...known]);
    const prefixes = new Set<string>();
    const look = (pred: Pred): void => {
      if (pred.kind === 'interface') (pred.wildcard ? prefixes : literal).add(pred.name);
      else if (pred.kind === 'not') look(pred.of);
      else if (pred.kind === 'and' || pred.kind === 'or') for (const p of pred.of) look(p);
    };
    for (const chain of chains) {
      for (const rule of chain.rules) {
        for (const s of rule.statements) {
          if (s.kind === 'match') look(s.pred);
          else if (s.kind === 'vmap') for (const arm of s.arms) look(arm.pred);
        }
      }
    }
    const names = [...literal];
    // A name that matches `stem*` and what that extends, and no other prefix or literal.
    const fresh = (stem: string): boolean => {
      const foreign = [...prefixes].filter((p) => !stem.startsWith(p));
      for (let i = 0; i < 1000; i++) {
        const name = `${stem}${i}`;
        if (literal.has(name) || foreign.some((p) => name.startsWith(p))) continue;
        names.push(name);
        return true;
      }
      return false;
    };
    for (const prefix of prefixes) fresh(prefix);
    OTHER_STEMS.some((stem) => ![...prefixes].some((p) => p !== '' && stem.startsWith(p)) && fresh(stem));
    return new Interfaces(names);
  }

  /** Bits that number every name. */
  get bits(): number {
    return Math.max(1, Math.ceil(Math.log2(this.names.length)));
  }

  number(name: string): number | undefined {
    return this.#index.get(name);
  }

  name(number: bigint): string {
    return this.names[Number(number)] ?? '?';
  }

  /** The numbers that `name`, or `name*` as a wildcard, means. */
  matching(name: string, wildcard: boolean): number[] {
    if (!wildcard) {
      const exact = this.#index.get(name);
      return exact === undefined ? [] : [exact];
    }
    return this.names.flatMap((n, i) => (n.startsWith(name) ? [i] : []));
  }
}
