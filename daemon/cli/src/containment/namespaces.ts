/** Network cards in namespaces other than ours. A namespace that only an open file holds is not seen. */
import { readdir, stat } from 'node:fs/promises';
import { z } from 'zod';
import { OutsideError, outputOf } from './outside.ts';

const MOST_NAMESPACES = 256;
const NAMED = '/run/netns';
const STACKED = ['macvlan', 'macvtap', 'ipvlan', 'ipvtap', 'vlan'];

const schema = z.array(
  z.object({
    ifname: z.string(),
    link_type: z.string(),
    link_index: z.int().optional(),
    linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  }),
);

/**
 * Plain cards elsewhere, and interfaces elsewhere that may sit on a card of ours.
 * @throws OutsideError or a system error when a namespace may not be looked into (needs root)
 */
export async function cardsElsewhere(): Promise<string[]> {
  const ours = await stat('/proc/self/ns/net');
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const candidates = [
    ...processes.map((pid) => `/proc/${pid}/ns/net`),
    ...(await filesIn(NAMED)).map((name) => `${NAMED}/${name}`),
  ];
  const files = new Map<number, string>();
  for (const file of candidates) {
    const namespace = await unlessGone(() => stat(file));
    // A name in /run/netns that nothing is mounted on is an ordinary file.
    if (namespace?.dev === ours.dev && namespace.ino !== ours.ino) files.set(namespace.ino, file);
  }
  if (files.size > MOST_NAMESPACES) throw new OutsideError(`more than ${MOST_NAMESPACES} namespaces`);
  const found: string[] = [];
  for (const file of files.values()) found.push(...(await cardsIn(file)));
  return found;
}

async function cardsIn(file: string): Promise<string[]> {
  let listed: string;
  try {
    listed = await outputOf('nsenter', [`--net=${file}`, 'ip', '-j', '-d', 'link', 'show']);
  } catch (error) {
    if ((await unlessGone(() => stat(file))) === undefined) return [];
    throw error;
  }
  return schema.parse(JSON.parse(listed)).flatMap(({ ifname, link_type, link_index, linkinfo }) => {
    const kind = linkinfo?.info_kind;
    const card = kind === undefined && link_type === 'ether';
    const onCard = link_index !== undefined && STACKED.includes(kind ?? '');
    return card || onCard ? [ifname] : [];
  });
}

const filesIn = async (folder: string): Promise<string[]> => (await unlessGone(() => readdir(folder))) ?? [];

/** undefined: the process or file is there no more. */
async function unlessGone<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
