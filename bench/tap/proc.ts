import { readFileSync } from 'node:fs';

/** USER_HZ: what proc(5) counts processor time in; 100 on every Linux Node runs on. */
const TICKS_PER_SECOND = 100;

/** User and system time of a process with all its threads, seconds, 10 ms resolution (proc(5), stat). */
export function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory, bytes: now and at its highest (proc(5), status). */
export function memory(pid: number): { now: number; peak: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 };
}

/** The processor and kernel, for the conditions. */
export function machine(): string {
  const model =
    /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1] ?? 'unknown processor';
  const cores = readFileSync('/proc/cpuinfo', 'latin1').match(/^processor/gm)?.length ?? 0;
  return `${cores} × ${model}, Linux ${readFileSync('/proc/sys/kernel/osrelease', 'latin1').trim()}, Node ${process.version}`;
}

/** Runnable processes over the last minute: a busy machine makes figures worthless. */
export function load(): number {
  return Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0]);
}

/** The p-quantile, nearest rank; NaN of nothing. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
}

export function wait(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
