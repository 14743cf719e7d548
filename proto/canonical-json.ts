/**
 * Canonical JSON after RFC 8785 (JCS), for values made of objects, arrays, strings, booleans, null and finite numbers.
 * Keys are sorted by UTF-16 code units and numbers written as ECMAScript does, so equal values have equal bytes.
 */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

const depthMax = 64;

export function canonicalJson(value: JsonValue): string {
  return write(value, 0);
}

export function canonicalBytes(value: JsonValue): Buffer {
  return Buffer.from(canonicalJson(value), 'utf8');
}

function write(value: JsonValue, depth: number): string {
  if (depth > depthMax)
    throw new RangeError(`canonical JSON: nested deeper than ${depthMax} levels; flatten the value`);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`canonical JSON: ${value} has no JSON form; use a finite number or null`);
  }
  if (typeof value === 'string' && !value.isWellFormed()) {
    throw new RangeError('canonical JSON: a string holds half a surrogate pair; use well-formed Unicode');
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`;
  const members = Object.entries(value as Record<string, JsonValue | undefined>)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${write(key, depth + 1)}:${write(member as JsonValue, depth + 1)}`);
  return `{${members.join(',')}}`;
}
