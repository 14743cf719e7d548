/**
 * Canonical JSON after RFC 8785 (JCS), for values made of plain objects, arrays, strings, booleans, null and finite
 * numbers. Keys are sorted by UTF-16 code units and numbers written as ECMAScript does, so equal values have equal
 * bytes. A member whose value is undefined is left out. Anything else (a bigint, a Map, a typed array, a hole in an
 * array, a cycle, more than 64 levels) is a RangeError that says what and where: nothing is written as something else.
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
  return write(value, '$', 0);
}

export function canonicalBytes(value: JsonValue): Buffer {
  return Buffer.from(canonicalJson(value), 'utf8');
}

function write(value: unknown, path: string, depth: number): string {
  if (depth > depthMax) throw illegal(path, `is nested deeper than ${depthMax} levels; flatten the value`);
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value))
        throw illegal(path, `is ${value}, which JSON cannot say; use a finite number or null`);
      return JSON.stringify(value);
    case 'string':
      return writeText(value, path);
    case 'object':
      if (value === null) return 'null';
      // Array.from turns holes into undefined, which the default below refuses; map would skip them.
      if (Array.isArray(value))
        return `[${Array.from(value, (item, n) => write(item, `${path}[${n}]`, depth + 1)).join(',')}]`;
      return writeObject(value, path, depth);
    default:
      throw illegal(
        path,
        `is ${typeof value}; use null, a boolean, a finite number, a text, an array or a plain object`,
      );
  }
}

function writeObject(value: object, path: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw illegal(path, `is a ${value.constructor.name}; use a plain object`);
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${writeText(key, path)}:${write(member, `${path}.${key}`, depth + 1)}`);
  return `{${members.join(',')}}`;
}

function writeText(text: string, path: string): string {
  if (!text.isWellFormed()) throw illegal(path, 'holds half a surrogate pair; use well-formed Unicode');
  return JSON.stringify(text);
}

function illegal(path: string, what: string): RangeError {
  return new RangeError(`canonical JSON: ${path.slice(0, 200)} ${what}`);
}
