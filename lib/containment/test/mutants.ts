import { shipped } from './kernel.ts';

/** One wrong (or harmless) change to the shipped ruleset, and the properties it takes away. */
export interface Mutant {
  name: string;
  rules: string;
  /** Not proven afterwards; empty for a change that a second wall makes harmless. */
  breaks: string;
  /** disproved unless said otherwise. */
  verdict?: 'unknown';
}

function edit(from: string | RegExp, to: string, source = shipped): string {
  const changed = source.replace(from, to);
  if (changed === source) throw new Error(`nothing to change: ${from}`);
  return changed;
}

const policyOf = (chain: string): string =>
  edit(new RegExp(`(hook ${chain} priority filter; policy )drop`), '$1accept');
const inChain = (chain: string, rule: string): string =>
  edit(`chain ${chain} {\n`, `chain ${chain} {\n${rule}\n`);
/** First in a base chain, behind its hook line. */
const atHook = (hook: string, rule: string): string =>
  edit(new RegExp(`(hook ${hook} priority filter; policy drop;)`), `$1\n${rule}\n`);
const without = (rule: string): string => edit(`\t\t${rule}\n`, '');

export const mutants: readonly Mutant[] = [
  { name: 'input accepts by default', rules: policyOf('input'), breaks: 'P2 P3 P6 P10' },
  { name: 'forward accepts by default', rules: policyOf('forward'), breaks: 'P1 P5 P6' },
  { name: 'output accepts by default', rules: policyOf('output'), breaks: 'P4 P6 P7 P8' },
  { name: 'DNS let in', rules: edit('udp dport { 123,', 'udp dport { 53, 123,'), breaks: 'P2 P10' },
  {
    name: 'camera answers without connection state',
    rules: edit(
      'ct state established tcp dport $ephemeral ip saddr . tcp sport @media',
      'tcp dport $ephemeral ip saddr . tcp sport @media',
    ),
    breaks: 'P2 P10',
  },
  {
    name: 'camera answers to any port of ours',
    rules: edit('ct state established tcp dport $ephemeral ip', 'ct state established ip'),
    breaks: 'P3 P10',
  },
  {
    name: 'answers from any camera port',
    rules: edit('tcp dport $ephemeral ip saddr . tcp sport @media_tcp', 'tcp dport $ephemeral'),
    breaks: 'P10',
  },
  {
    name: 'established first',
    rules: inChain('input_camera', 'ct state established accept'),
    breaks: 'P3 P10',
  },
  {
    name: 'negated interface',
    rules: edit('iifname "lo" accept', 'iifname != "camera0" accept'),
    breaks: 'P2 P3 P6 P10',
  },
  {
    name: 'wildcard interface',
    rules: edit('iifname "lo" accept', 'iifname "l*" accept'),
    breaks: 'P2 P3 P6 P10',
  },
  {
    name: 'one more card for people',
    rules: edit('iifname "trusted0" goto input', 'iifname { "trusted0", "usb0" } goto input'),
    breaks: 'P2 P3 P6 P10',
  },
  {
    name: 'cameras treated as people',
    rules: edit('iifname "camera0" goto input_camera', 'iifname "camera0" goto input_trusted'),
    breaks: 'P2 P3 P10 L3 L4',
  },
  {
    name: 'verdict map sends cameras the wrong way',
    rules: atHook('input', 'iifname vmap { "camera0" : goto input_trusted, "lo" : accept }'),
    breaks: 'P2 P3 P10 L3 L4',
  },
  {
    name: 'anybody may open RTSP',
    rules: edit('meta skuid $uid_media ip daddr . tcp', 'ip daddr . tcp'),
    breaks: 'P4 P8',
  },
  {
    name: 'a range of users',
    rules: edit('meta skuid $uid_media ip daddr . tcp', 'meta skuid 960-970 ip daddr . tcp'),
    breaks: 'P4 P8',
  },
  {
    name: 'everybody but one user',
    rules: edit('meta skuid $uid_cameralan ip daddr . tcp', 'meta skuid != 1000 ip daddr . tcp'),
    breaks: 'P4 P8',
  },
  {
    name: 'media to every camera address',
    rules: edit(
      'meta skuid $uid_media ip daddr . tcp dport @media_tcp',
      'meta skuid $uid_media ip daddr $camera_net tcp dport 554',
    ),
    breaks: 'P8',
  },
  {
    name: 'media to every address',
    rules: edit(
      'meta skuid $uid_media ip daddr . tcp dport @media_tcp',
      'meta skuid $uid_media tcp dport 554',
    ),
    breaks: 'P7 P8',
  },
  {
    name: 'two services swapped',
    rules: edit(
      'meta skuid $uid_media ip daddr . tcp dport @media_tcp',
      'meta skuid $uid_media ip daddr . tcp dport @config_tcp',
    ),
    breaks: 'P8 L2',
  },
  {
    name: 'established to anywhere',
    rules: edit('ct state established ip daddr . tcp dport @media_tcp', 'ct state established'),
    breaks: 'P7 P8',
  },
  {
    name: 'probe to anywhere',
    rules: edit('ip daddr 239.255.255.250 udp sport', 'udp sport'),
    breaks: 'P7 P8',
  },
  {
    name: 'probe as media',
    rules: edit('skuid $uid_cameralan ip daddr 239', 'skuid $uid_media ip daddr 239'),
    breaks: 'P8 L4',
  },
  {
    name: 'anybody answers NTP',
    rules: edit('meta skuid $uid_chrony ip daddr $camera_net', 'ip daddr $camera_net'),
    breaks: 'P4 P8',
  },
  {
    name: 'anybody answers DHCP',
    rules: edit('meta skuid $uid_network ip daddr {', 'ip daddr {'),
    breaks: 'P4 P8',
  },
  {
    name: 'last drop flipped',
    rules: edit(/(tcp dport @media_tcp accept\n\t\tcounter name refused_output) drop/, '$1 accept'),
    breaks: 'P4 P7 P8',
  },
  {
    name: 'camera service on the trusted side',
    rules: edit(/(chain output_trusted \{\n)\t\tmeta skuid \$uid_cameralan.*\n/, '$1'),
    breaks: 'P9',
  },
  {
    name: 'media as anybody on the trusted side',
    rules: without('meta skuid $uid_media goto output_trusted_media'),
    breaks: 'P9 L1',
  },
  {
    name: 'media from any port',
    rules: edit('udp sport @ice_udp accept', 'meta l4proto udp accept'),
    breaks: 'P9',
  },
  {
    name: 'media inside the box',
    rules: without('meta skuid $uid_media goto output_lo_media'),
    breaks: 'P9',
  },
  {
    name: 'media opens RTSP inside the box',
    rules: edit('ct state established tcp sport $port_rtsp', 'tcp sport $port_rtsp'),
    breaks: 'P9',
  },
  {
    name: 'camera service inside the box',
    rules: edit(/(chain output_lo \{\n)\t\tmeta skuid \$uid_cameralan.*\n/, '$1'),
    breaks: 'P9',
  },
  { name: 'IPv6 forgotten', rules: atHook('input', 'meta nfproto ipv6 accept'), breaks: 'P2 P3 P6 P10' },
  {
    name: 'established forwarded',
    rules: atHook('forward', 'ct state established,related accept'),
    breaks: 'P1 P5 P6',
  },
  {
    name: 'the != list trap',
    rules: atHook('forward', 'ct state != invalid,untracked accept'),
    breaks: 'P1 P5 P6',
  },
  {
    name: 'live video port for cameras',
    rules: inChain('input_camera_to_us', 'udp dport @ice_udp accept'),
    breaks: 'P2 P3 P10',
  },
  { name: 'a slow trickle', rules: atHook('input', 'limit rate 1/hour accept'), breaks: 'P2 P3 P6 P10' },
  {
    name: 'dropping behind a set that may be full',
    rules: edit(
      'type filter hook forward priority filter; policy drop;',
      'type filter hook forward priority filter; policy accept; update @attempts_other { ether saddr . ip saddr . ip daddr . meta l4proto } drop;',
    ).replace('iifname "camera0" goto refused\n\t\tcounter name refused_forward', ''),
    breaks: 'P1 P5 P6',
  },
  { name: 'drop before accept', rules: inChain('output_camera', 'counter drop'), breaks: 'L2 L3 L4' },
  {
    name: 'no DHCP',
    rules: edit(/(chain input_camera \{\n.*\n.*\n).*dport 67 accept\n/, '$1'),
    breaks: 'L3',
  },
  { name: 'no web page', rules: without('tcp dport @web_tcp accept'), breaks: 'L1' },
  {
    name: 'only slow NTP',
    rules: edit('limit rate over 200/second burst 400 packets counter name flood_ntp drop', 'counter drop'),
    breaks: 'L3',
  },
  {
    name: 'saddr unchecked twice',
    rules: edit(/\t\tip saddr != \$camera_net goto refused\n/, '').replace(
      'ip saddr $camera_net ip daddr $camera_self jump',
      'ip daddr $camera_self jump',
    ),
    breaks: 'P2 P10',
  },
  {
    // Fragments show other ports before they are put together: the first wall alone lets 0.0.0.0 to NTP.
    name: 'second wall open at the source',
    rules: edit('ip saddr $camera_net ip daddr $camera_self jump', 'ip daddr $camera_self jump'),
    breaks: 'P2 P10',
  },
  // Not understood, or able to send packets elsewhere: never proven.
  {
    name: 'destination rewritten',
    rules: `${shipped}\ntable ip n { chain c { type nat hook prerouting priority -100; tcp dport 80 dnat to 192.168.1.5; }; }`,
    breaks: 'all',
    verdict: 'unknown',
  },
  {
    name: 'source rewritten',
    rules: `${shipped}\ntable ip n { chain c { type nat hook postrouting priority 100; masquerade; }; }`,
    breaks: 'all',
    verdict: 'unknown',
  },
  { name: 'marks set', rules: inChain('input_camera', 'meta mark set 1'), breaks: 'all', verdict: 'unknown' },
  {
    name: 'a copy sent on',
    rules: `${shipped}\ntable ip n { chain c { type filter hook prerouting priority 0; dup to 192.168.1.5; }; }`,
    breaks: 'all',
    verdict: 'unknown',
  },
  {
    name: 'a table asleep',
    rules: shipped.replace('table inet opennvr {', 'table inet opennvr {\n\tflags dormant;'),
    breaks: 'all',
    verdict: 'unknown',
  },
  {
    name: 'a match we cannot read',
    rules: atHook('input', 'meta cpu 1 accept'),
    breaks: 'P2 P3 P6 P10',
    verdict: 'unknown',
  },
  {
    name: 'a changeable set decides',
    rules: atHook('input', 'ether saddr @attempt_budget accept'),
    breaks: 'P2 P3 P6 P10',
    verdict: 'unknown',
  },
  {
    name: 'a device filter beside it',
    rules: `${shipped}\ntable netdev d { chain c { type filter hook ingress device "lo" priority 0; drop; }; }`,
    breaks: 'L1 L2 L3 L4',
    verdict: 'unknown',
  },
  // Harmless: another wall stands behind.
  { name: 'nothing changed', rules: shipped, breaks: '' },
  { name: 'early wall gone', rules: without('iifname "camera0" goto early_camera'), breaks: '' },
  {
    name: 'forward without the counting rule',
    rules: edit(/(hook forward.*\n)\t\tiifname "camera0" goto refused\n/, '$1'),
    breaks: '',
  },
  {
    name: 'refused only counts',
    rules: edit('counter name refused_camera drop', 'counter name refused_camera'),
    breaks: '',
  },
  {
    name: 'jump for goto',
    rules: edit('iifname "camera0" goto input_camera', 'iifname "camera0" jump input_camera'),
    breaks: '',
  },
  {
    name: 'another table accepts',
    rules: `${shipped}\ntable ip x { chain c { type filter hook input priority 10; accept; }; }`,
    breaks: '',
  },
];
