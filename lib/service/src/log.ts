import { type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger, pino } from 'pino';

export type { Logger } from 'pino';

/** Keys whose values never reach a log line, at any depth up to {@link MAX_DEPTH}. Compared in lower case. */
const SECRET_KEYS = new Set([
  'password',
  'passwd',
  'pass',
  'secret',
  'token',
  'authorization',
  'cookie',
  'credentials',
  'privatekey',
  'private_key',
  'apikey',
  'api_key',
  'totp',
  'nonce',
]);
const MAX_DEPTH = 8;
const MAX_STRING = 16_384;
const REDACTED = '[redacted]';

/**
 * From the slashes of a URL to its end. Whatever precedes the slashes, and `/`, `'` and `@` behind them, may belong to
 * credentials that somebody did not escape. Matches never overlap, which keeps the time linear.
 */
const AUTHORITY = /(:\/\/)([^\s"]*)/g;
/** To the end of the header, folded lines included (RFC 9112 section 5.2). */
const AUTH_HEADER = /(authorization["']?\s*[:=]\s*)(?:[^\r\n]|\r(?!\n)|\r?\n[ \t])*/gi;
const AUTH_VALUE = /\b(Basic|Bearer)\s+[A-Za-z0-9+/_.=~-]{6,}/g;

/** Takes credentials out of free text: URL user info and Authorization values. Cuts it to 16 384 characters. */
export function redactText(text: string): string {
  const cut = text.length > MAX_STRING;
  const bounded = cut ? text.slice(0, MAX_STRING) : text;
  const clean = bounded
    // First, or one of the others could swallow the header's name and leave its value.
    .replace(AUTH_HEADER, `$1${REDACTED}`)
    .replace(AUTHORITY, (whole, slashes: string, rest: string, at: number) => {
      // The cut may have taken the `@` away that tells user info from a host.
      const end = cut && at + whole.length === bounded.length ? rest.length : rest.lastIndexOf('@');
      return end < 0 ? whole : `${slashes}${REDACTED}${rest.slice(end)}`;
    })
    .replace(AUTH_VALUE, `$1 ${REDACTED}`);
  return cut ? `${clean}…` : clean;
}

/** A copy of `value` that is safe to log: secret keys blanked, texts scrubbed, depth and length bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (value instanceof Error) {
    return {
      ...(redact({ ...value }, depth + 1) as object),
      type: value.name,
      message: redactText(value.message),
      stack: value.stack === undefined ? undefined : redactText(value.stack),
      cause: value.cause === undefined ? undefined : redact(value.cause, depth + 1),
    };
  }
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL) return redactText(value.href);
  if (Array.isArray(value)) return value.slice(0, 256).map((item) => redact(item, depth + 1));
  const clean: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    clean[redactText(key)] = SECRET_KEYS.has(key.toLowerCase()) ? REDACTED : redact(item, depth + 1);
  }
  return clean;
}

export interface LogOptions {
  level?: string;
  destination?: DestinationStream;
}

/**
 * A pino logger that writes JSON lines to standard error (standard output belongs to a program's result).
 * Secrets are taken out here, in one place, whatever the call site passes.
 */
export function createLogger(name: string, options: LogOptions = {}): Logger {
  const logger = pino(
    {
      name,
      level: options.level ?? 'info',
      base: { pid: process.pid, name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (object) => redact(object) as Record<string, unknown>,
        bindings: (bindings) => redact(bindings) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          method.apply(this, cleanArguments(args) as Parameters<typeof method>);
        },
      },
      // pino's own serializer for `err` knows no causes and would run before formatters.log.
      serializers: { err: (error: unknown) => redact(error) },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
  // pino hands bindings of children to no formatter. Children inherit this method, and so do theirs.
  const child = logger.child;
  logger.child = function (this: Logger, bindings: Bindings, childOptions?: ChildLoggerOptions) {
    return Reflect.apply(child, this, [redact(bindings), childOptions]);
  } as Logger['child'];
  return logger;
}

/** Arguments of a log method; an error by itself becomes `{ err }` and its message, as pino would have it. */
function cleanArguments(args: readonly unknown[]): unknown[] {
  const [first, ...rest] = args;
  if (!(first instanceof Error)) return args.map((arg) => redact(arg));
  const message = rest.length > 0 ? rest : [first.message];
  return [{ err: redact(first) }, ...message.map((arg) => redact(arg))];
}
