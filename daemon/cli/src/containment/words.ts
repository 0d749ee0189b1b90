import type { ProofVerdict, PropertyResult } from '@opennvr/containment';
import { printable } from './outside.ts';
import type { Proof } from './prove.ts';

const MOST_RULES = 40;

const HEADLINES: Readonly<Record<ProofVerdict, string>> = {
  proven: 'Proven: cameras are contained.',
  disproved: 'NOT contained: a packet gets through that must not, or the other way round.',
  unknown: 'Not known, which counts as not contained.',
};

const OUTCOMES: Readonly<Record<ProofVerdict, string>> = {
  proven: 'holds',
  disproved: 'FAILS',
  unknown: 'is not known',
};

/** A proof for a person: a sentence for each property, and for what fails the packet and its way. */
export function proofInWords(proof: Proof): string {
  const lines = [
    HEADLINES[proof.verdict],
    ...proof.problems.map((problem) => `Not understood: ${problem}`),
    ...[...proof.properties, ...(proof.host?.properties ?? [])].flatMap(propertyInWords),
  ];
  if (proof.host?.freeSubnet !== undefined) {
    lines.push(`The camera network is taken; ${proof.host.freeSubnet} is free.`);
  }
  return lines.map(printable).join('\n');
}

function propertyInWords({ id, title, verdict, reason, counterexample }: PropertyResult): string[] {
  const because = reason === undefined ? '' : ` (${reason})`;
  const said = `${id} ${OUTCOMES[verdict]}: ${title}${because}`;
  if (counterexample === undefined) return [said];
  const { packet, rules, assumes } = counterexample;
  const more = rules.length - MOST_RULES;
  return [
    said,
    `    ${packet}`,
    ...rules.slice(0, MOST_RULES).map((rule) => `    by ${rule}`),
    ...(more > 0 ? [`    and ${more} more rules`] : []),
    ...assumes.map((assumed) => `    if ${assumed}`),
  ];
}
