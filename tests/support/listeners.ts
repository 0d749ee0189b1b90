import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** A socket that waits for somebody: `tcp 127.0.0.1:8554`, `udp 0.0.0.0:8189`. */
export interface Listener {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
}

const TCP_LISTEN = '0A';

/** Listening TCP sockets and unconnected UDP sockets of these processes, as the kernel knows them (proc(5)). */
export function listenersOf(pids: readonly number[]): Listener[] {
  const inodes = new Set(pids.flatMap(socketInodes));
  return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
        const protocol = table.startsWith('tcp') ? 'tcp' : 'udp';
        const waits = protocol === 'tcp' ? state === TCP_LISTEN : remote.endsWith(':0000');
        if (!waits || !inodes.has(inode)) return [];
        const [hex = '', port = ''] = local.split(':');
        return [{ protocol, address: addressOf(hex), port: Number.parseInt(port, 16) } as const];
      }),
  );
}

function socketInodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? [];
    } catch (error) {
      // Closed between listing and reading.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  });
}

/** IPv4 as usual; IPv6 as the kernel's hexadecimal words, all zero being `::`. */
function addressOf(hex: string): string {
  if (hex.length === 8) return [...Buffer.from(hex, 'hex')].reverse().join('.');
  return /^0+$/.test(hex) ? '::' : hex;
}
