import { invalidArgument } from '@opennvr/service';

// Checks of single fields; each throws a grpc.ServiceError INVALID_ARGUMENT that names the field.

const SLUG = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export function slug(field: string, text: string): void {
  if (!SLUG.test(text)) throw invalidArgument(field, 'is not [a-z0-9][a-z0-9_-]{0,62}');
}

export function atMost(field: string, value: number, max: number, unit = ''): void {
  if (!(value >= 0 && value <= max))
    throw invalidArgument(field, `${value}${unit && ` ${unit}`} is not within 0 to ${max}`);
}

export function unique<T>(
  items: readonly T[],
  field: (index: number) => string,
  key: (item: T) => string,
): void {
  const seen = new Set<string>();
  items.forEach((item, i) => {
    if (seen.has(key(item))) throw invalidArgument(field(i), `"${key(item)}" is there twice`);
    seen.add(key(item));
  });
}

/** A share of something: not NaN, 0 to 1. */
export function fraction(field: string, value: number): void {
  if (!(value >= 0 && value <= 1)) throw invalidArgument(field, `${value} is not within 0 to 1`);
}
