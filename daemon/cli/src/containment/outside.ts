/** What comes from outside this program, bounded: other programs' output, files, standard input. */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';

/** More than the prover reads. */
const MOST_BYTES = 64 * 1024 * 1024 + 1;
const PATIENCE_MS = 10_000;

/** Why something outside could not be asked; the message is for people. */
export class OutsideError extends Error {
  override name = 'OutsideError';
}

/**
 * Standard output of a program that has to end well within 10 s and 64 MiB.
 * @throws OutsideError when it is missing, fails, takes longer or prints more
 */
export function outputOf(program: string, args: readonly string[]): Promise<string> {
  const options = { maxBuffer: MOST_BYTES, timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error) reject(new OutsideError(`${program}: ${reasonOf(error, stderr)}`));
      else resolve(stdout);
    });
  });
}

function reasonOf(error: Error & { code?: unknown; killed?: boolean }, stderr: string): string {
  if (error.code === 'ENOENT') return 'not installed';
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'printed more than 64 MiB';
  if (error.killed) return `did not end within ${PATIENCE_MS / 1000} s`;
  const [said] = stderr.split('\n');
  return said === undefined || said === '' ? `ended with status ${error.code}` : said.slice(0, 300);
}

/**
 * A file, or standard input for `-`, and no more of it than the prover would read plus one byte.
 * @throws OutsideError when it cannot be read
 */
export async function textOf(file: string): Promise<string> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size >= MOST_BYTES) break;
    }
  } catch (error) {
    throw new OutsideError(error instanceof Error ? error.message : String(error));
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** One line for a terminal: names come from the kernel and may hold anything. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, '?');
