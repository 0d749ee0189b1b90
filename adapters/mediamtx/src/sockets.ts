import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One open socket of a process. */
export interface OpenSocket {
  kind: 'tcp' | 'udp' | 'unix' | 'raw';
  /** Accepts connections (TCP, unix) or takes packets from anybody (UDP without a peer, raw). */
  listening: boolean;
  /** `127.0.0.1`, `::1`, `*` for every address; the path of a unix socket. */
  address: string;
  /** 0 for unix sockets. */
  port: number;
  /** `10.0.0.5:554`; '' without a peer. */
  peer: string;
}

const INET = ['tcp', 'udp', 'raw'] as const;
const TCP_LISTEN = '0A';
/** SO_ACCEPTCON in /proc/net/unix. */
const UNIX_LISTENING = 0x10000;

/**
 * What a process of ours has open, from /proc: the kernel's word, not the configuration's.
 *
 * @throws Error (ENOENT, EACCES) when the process is gone or is not ours.
 */
export function openSockets(pid: number): OpenSocket[] {
  const inodes = socketInodes(pid);
  return [
    ...INET.flatMap((kind) =>
      [kind, `${kind}6`].flatMap((table) => parseInetTable(kind, readTable(pid, table), inodes)),
    ),
    ...parseUnixTable(readTable(pid, 'unix'), inodes),
  ];
}

/** Those rows of /proc/net/tcp, udp or raw (or their IPv6 kin) that are these inodes'. */
export function parseInetTable(
  kind: (typeof INET)[number],
  table: string,
  inodes: ReadonlySet<string>,
): OpenSocket[] {
  return rows(table).flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    if (!inodes.has(fields[9] ?? '')) return [];
    const local = endpoint(fields[1] ?? '');
    const remote = endpoint(fields[2] ?? '');
    const listening = kind === 'tcp' ? fields[3] === TCP_LISTEN : remote.port === 0;
    const peer = remote.port === 0 ? '' : `${remote.address}:${remote.port}`;
    return [{ kind, listening, ...local, peer }];
  });
}

/** Those rows of /proc/net/unix that are these inodes'. */
export function parseUnixTable(table: string, inodes: ReadonlySet<string>): OpenSocket[] {
  return rows(table).flatMap((line) => {
    // Num RefCount Protocol Flags Type St Inode Path
    const fields = line.trim().split(/\s+/);
    if (!inodes.has(fields[6] ?? '')) return [];
    const listening = (Number.parseInt(fields[3] ?? '', 16) & UNIX_LISTENING) !== 0;
    return [{ kind: 'unix', listening, address: fields.slice(7).join(' '), port: 0, peer: '' }];
  });
}

/** `tcp 127.0.0.1:8554`, `udp *:8189`, `unix /run/…`. */
export function describeSocket(socket: OpenSocket): string {
  if (socket.kind === 'unix') return `unix ${socket.address}`;
  const address = socket.address.includes(':') ? `[${socket.address}]` : socket.address;
  return `${socket.kind} ${address}:${socket.port}`;
}

function socketInodes(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    let target: string;
    try {
      target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch (error) {
      // Closed while we read.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

/** The process's own network namespace; a table is absent where the kernel has no IPv6. */
function readTable(pid: number, table: string): string {
  try {
    return readFileSync(`/proc/${pid}/net/${table}`, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Without the heading. */
function rows(table: string): string[] {
  return table.trimEnd().split('\n').slice(1);
}

const ENDPOINT = /^(?:[0-9A-F]{8}|[0-9A-F]{32}):[0-9A-F]{4}$/i;

/**
 * `0100007F:1F90`: the address in 32-bit words of the machine's byte order (little endian), the port in hex.
 * Anything else is the address `?`, which nobody is allowed to listen on.
 */
export function endpoint(text: string): { address: string; port: number } {
  if (!ENDPOINT.test(text)) return { address: '?', port: 0 };
  const [hex = '', port = '0'] = text.split(':');
  const bytes: number[] = [];
  for (let word = 0; word < hex.length; word += 8) {
    for (let byte = 6; byte >= 0; byte -= 2)
      bytes.push(Number.parseInt(hex.slice(word + byte, word + byte + 2), 16));
  }
  return { address: addressText(bytes), port: Number.parseInt(port, 16) };
}

function addressText(bytes: number[]): string {
  if (bytes.every((byte) => byte === 0)) return '*';
  if (bytes.length === 4) return bytes.join('.');
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
