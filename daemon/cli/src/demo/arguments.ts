import { parseArgs } from 'node:util';
import { CliError, EXIT } from '../exit.ts';

export type EngineName = 'mediamtx' | 'embedded';

export interface DemoOptions {
  /** Undefined: until Ctrl-C. */
  forMs: number | undefined;
  report: string | undefined;
  engine: EngineName | undefined;
  /** Simulated cameras. */
  simulated: number;
  /** URLs of real cameras, without credentials. */
  cameras: string[];
  /** JSON file with the real cameras' user names and passwords. */
  credentials: string | undefined;
  recordings: string | undefined;
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const MAX_SIMULATED = 64;
/** setTimeout counts in 31 bits. */
const MAX_MS = 2 ** 31 - 1;

export const DEMO_USAGE = `usage: opennvr demo [options]

  --for 30s             stop after this long (ms, s, m, h); without it: until Ctrl-C
  --report FILE         write the report here, as JSON
  --engine NAME         mediamtx or embedded; without it: mediamtx when it is there
  --cameras N           simulated cameras, 0 to ${MAX_SIMULATED}; without it: 2, or 0 with --camera
  --camera rtsp://…     a real camera, without user name and password; may be given many times
  --credentials FILE    JSON: { "<camera URL or host>": { "username": "…", "password": "…" } }, mode 0600
  --recordings DIR      where footage goes; without it: .demo/<time>/recordings`;

/** @throws CliError with status 2 and a sentence that names the option. */
export function parseDemoArguments(args: string[]): DemoOptions {
  const values = parse(args);
  const cameras = (values.camera ?? []).map(checkCameraUrl);
  const simulated = values.cameras === undefined ? (cameras.length > 0 ? 0 : 2) : parseCount(values.cameras);
  if (simulated === 0 && cameras.length === 0)
    throw new CliError(EXIT.usage, '--cameras: expected at least 1 where no --camera is given');
  return {
    forMs: values.for === undefined ? undefined : parseDuration('--for', values.for),
    report: values.report,
    engine: values.engine === undefined ? undefined : parseEngine(values.engine),
    simulated,
    cameras,
    credentials: values.credentials,
    recordings: values.recordings,
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        for: { type: 'string' },
        report: { type: 'string' },
        engine: { type: 'string' },
        cameras: { type: 'string' },
        camera: { type: 'string', multiple: true },
        credentials: { type: 'string' },
        recordings: { type: 'string' },
      },
    }).values;
  } catch (error) {
    // Node's own message may repeat an argument, and an argument may hold a password.
    const known = (error as Error).message.replace(/\/\/[^/\s]*@/g, '//[redacted]@');
    throw new CliError(EXIT.usage, `${known}\n\n${DEMO_USAGE}`);
  }
}

export function parseDuration(option: string, text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text);
  const ms = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  if (!(ms > 0 && ms <= MAX_MS))
    throw new CliError(EXIT.usage, `${option}: expected a duration like 30s, 5m or 1h`);
  return ms;
}

function parseEngine(text: string): EngineName {
  if (text === 'mediamtx' || text === 'embedded') return text;
  throw new CliError(EXIT.usage, '--engine: expected mediamtx or embedded');
}

function parseCount(text: string): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= MAX_SIMULATED) return count;
  throw new CliError(EXIT.usage, `--cameras: expected a number from 0 to ${MAX_SIMULATED}`);
}

function checkCameraUrl(text: string): string {
  // Everyone on the machine can read a command line, so what is refused is not repeated either.
  if (/\/\/[^/]*@/.test(text)) {
    throw new CliError(
      EXIT.usage,
      '--camera: take user name and password out of the URL: command lines can be read by every user of this machine and stay in the shell history. Put them into a file of mode 0600 and pass --credentials FILE.',
    );
  }
  if (URL.canParse(text) && new URL(text).protocol === 'rtsp:') return text;
  throw new CliError(EXIT.usage, '--camera: expected rtsp://host[:port]/path');
}
