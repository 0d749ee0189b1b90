import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';

/** One run of MediaMTX. */
export interface Found {
  pid: number;
  /** Clock ticks after boot (proc_pid_stat(5), field 22): with the pid, the identity of a process. */
  startTicks: string;
  /** False once its file has been replaced by another one, as an update does. */
  current: boolean;
}

/**
 * The MediaMTX that runs on this configuration file under our user, found by what it is and not by a pid file:
 * nothing can be stale, and it works for one that a service manager started.
 */
export function findMediaMtx(bin: string, configPath: string): Found | undefined {
  const wanted = attempt(() => realpathSync(bin)) ?? bin;
  const uid = process.getuid?.();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || attempt(() => statSync(`/proc/${entry}`).uid) !== uid) continue;
    const argv = attempt(() => readFileSync(`/proc/${entry}/cmdline`, 'utf8'))?.split('\0');
    if (argv?.[1] !== configPath) continue;
    const exe = attempt(() => readlinkSync(`/proc/${entry}/exe`));
    if (exe === undefined || exe.replace(/ \(deleted\)$/, '') !== wanted) continue;
    const startTicks = startTicksOf(Number(entry));
    if (startTicks !== undefined) return { pid: Number(entry), startTicks, current: exe === wanted };
  }
  return undefined;
}

/** Undefined for a process that is gone or is only waiting to be reaped. */
export function startTicksOf(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The second field is a name in parentheses and may hold anything.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19];
}

export function isAlive(found: Pick<Found, 'pid' | 'startTicks'>): boolean {
  return startTicksOf(found.pid) === found.startTicks;
}

/** Undefined where /proc says no: processes come and go while we read. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
