/** Every small way to get the ruleset wrong that can be done by rote. */

export interface Mutation {
  name: string;
  rules: string;
}

/** A rule of `lines`, by line number, and the chain it stands in. */
interface Place {
  line: number;
  chain: string;
  text: string;
}

function rulesOf(lines: readonly string[]): Place[] {
  const places: Place[] = [];
  let chain: string | undefined;
  for (const [line, raw] of lines.entries()) {
    const text = raw.trim();
    const opened = text.match(/^chain (\w+) \{$/)?.[1];
    if (opened !== undefined) chain = opened;
    else if (text === '}') chain = undefined;
    else if (chain !== undefined && text !== '' && !text.startsWith('#') && !text.startsWith('type ')) {
      places.push({ line, chain, text });
    }
  }
  return places;
}

/** Parts of a rule that can be left out one at a time. */
const PARTS = [
  /[io]ifname "\w+" /,
  /meta skuid \S+ /,
  /ct state \w+ /,
  /ip saddr \. tcp sport @\w+ /,
  /ip saddr \. udp sport @\w+ /,
  /ip daddr \. tcp dport @\w+ /,
  /ip daddr \. udp dport @\w+ /,
  /ip saddr (?:!= )?(?:\{[^}]*\}|\$\w+) /,
  /ip daddr (?:!= )?(?:\{[^}]*\}|\$\w+|[\d.]+) /,
  /(?:tcp|udp) sport (?:\{[^}]*\}|\$\w+|@\w+|\d+) /,
  /(?:tcp|udp) dport (?:\{[^}]*\}|\$\w+|@\w+|\d+) /,
  /limit rate [^a-z]*(?:over )?\S+(?: burst \d+ packets)? /,
];

/** Words that can be exchanged. */
const EXCHANGES: readonly (readonly [RegExp, string])[] = [
  [/\baccept$/, 'drop'],
  [/\bdrop$/, 'accept'],
  [/"camera0"/, '"trusted0"'],
  [/"trusted0"/, '"camera0"'],
  [/"camera0"/, '"usb0"'],
  [/"lo"/, '"camera0"'],
  [/"(camera0|trusted0|lo)"/, '"*0"'],
  [/\$uid_media/, '$uid_cameralan'],
  [/\$uid_cameralan/, '$uid_media'],
  [/\$uid_(network|chrony)/, '1000'],
  [/\$uid_\w+/, '0-65535'],
  [/\$ephemeral/, '1-65535'],
  [/\bsaddr\b/, 'daddr'],
  [/\bdaddr\b/, 'saddr'],
  [/\bdport\b/, 'sport'],
  [/\bsport\b/, 'dport'],
  [/@media_tcp/, '@config_tcp'],
  [/@config_tcp/, '@media_tcp'],
  [/established/, 'new,established'],
  [/\btcp\b/, 'udp'],
  [/\bgoto\b/, 'jump'],
  [/!= /, ''],
];

/** All of them, in a fixed order. Some nft refuses; some change nothing that counts. */
export function mutations(ruleset: string): Mutation[] {
  const lines = ruleset.split('\n');
  const found: Mutation[] = [];
  const seen = new Set([ruleset]);
  const add = (name: string, changed: readonly string[]): void => {
    const rules = changed.join('\n');
    if (seen.has(rules)) return;
    seen.add(rules);
    found.push({ name, rules });
  };
  const at = (place: Place, text: string): string[] => lines.toSpliced(place.line, 1, text);
  const places = rulesOf(lines);
  for (const [i, place] of places.entries()) {
    const label = `${place.chain}: ${place.text}`;
    add(`delete ${label}`, lines.toSpliced(place.line, 1));
    const next = places[i + 1];
    if (next?.chain === place.chain) {
      add(`move down ${label}`, at(place, next.text).toSpliced(next.line, 1, place.text));
    }
    for (const part of PARTS)
      if (part.test(place.text))
        add(`without ${part.source} ${label}`, at(place, place.text.replace(part, '')));
    for (const [from, to] of EXCHANGES) {
      if (from.test(place.text))
        add(`${from.source} to "${to}" in ${label}`, at(place, place.text.replace(from, to)));
    }
  }
  for (const [line, text] of lines.entries()) {
    const chain = text.match(/^\tchain (\w+) \{$/)?.[1];
    const based = lines[line + 1]?.includes('type filter') ? 2 : 1;
    if (chain !== undefined) {
      for (const rule of [
        'accept',
        'meta nfproto ipv6 accept',
        'ct state established accept',
        'meta l4proto tcp accept',
      ]) {
        add(`${rule} first in ${chain}`, lines.toSpliced(line + based, 0, rule));
      }
    }
    if (text.includes('policy drop'))
      add(`policy accept: ${text}`, lines.toSpliced(line, 1, text.replace('policy drop', 'policy accept')));
    if (text.includes('policy accept'))
      add(`policy drop: ${text}`, lines.toSpliced(line, 1, text.replace('policy accept', 'policy drop')));
    if (text.startsWith('define camera_net'))
      add('a wider camera network', lines.toSpliced(line, 1, text.replace('/24', '/16')));
    if (/^define \w+_(tcp|udp) = \{ \S/.test(text))
      add(`emptied ${text}`, lines.toSpliced(line, 1, text.replace(/\{.*\}/, '{ }')));
  }
  return found;
}
