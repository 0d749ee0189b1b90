/** Reading JSON that anybody may have written: nothing throws but `JSON.parse`, and that is caught here. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isList = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

export const text = (value: Json | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** A safe integer ≥ 0. */
export const count = (value: Json | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** An object with exactly one key, as nft writes expressions and statements. */
export function single(value: Json | undefined): { key: string; value: Json } | undefined {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value);
  const [only] = entries;
  return entries.length === 1 && only ? { key: only[0], value: only[1] } : undefined;
}

/** Nested deeper than this is not something nft prints. */
const DEEPEST = 64;

/** @returns the value, or why there is none: too long, not JSON, nested too deep */
export function parseJson(source: string, longest: number): { value: Json } | { error: string } {
  if (source.length > longest) return { error: `longer than ${longest} characters` };
  let value: Json;
  try {
    value = JSON.parse(source) as Json;
  } catch {
    return { error: 'not JSON (truncated?)' };
  }
  // Level by level, so that depth costs no stack.
  let layer: Json[] = [value];
  for (let depth = 0; layer.length > 0; depth++) {
    if (depth > DEEPEST) return { error: `nested deeper than ${DEEPEST}` };
    const next: Json[] = [];
    for (const v of layer) {
      if (isList(v)) for (const x of v) next.push(x);
      else if (isObject(v)) for (const x of Object.values(v)) next.push(x);
    }
    layer = next;
  }
  return { value };
}

/** The same text for the same value, whatever the order of keys. */
export function canonical(value: Json): string {
  if (isList(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const keys = Object.keys(value).sort();
  return `{${keys.map((k) => `${JSON.stringify(k)}:${canonical(value[k] ?? null)}`).join(',')}}`;
}
