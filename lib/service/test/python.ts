import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

/** Debian's; a `python3` earlier in PATH may lack its modules. */
export const PYTHON = '/usr/bin/python3';

/** Runs a program to its end. */
export async function runPython(code: string): Promise<string> {
  return (await promisify(execFile)(PYTHON, ['-c', code], { timeout: 20_000 })).stdout;
}

/** Starts a program; `line(n)` waits for its n-th line. */
export function startPython(code: string): {
  child: ChildProcess;
  lines: string[];
  line(n: number): Promise<string>;
} {
  const child = spawn(PYTHON, ['-u', '-c', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  const line = async (n: number) => {
    const end = Date.now() + 20_000;
    while (lines.length < n) {
      if (Date.now() > end) throw new Error(`only ${lines.length} lines: ${lines.join(' | ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return lines[n - 1] ?? '';
  };
  return { child, lines, line };
}
