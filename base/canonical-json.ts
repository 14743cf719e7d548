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
/** What JSON writes as it is, between quotes. */
const plainText = /^[ !#-[\]-~]*$/;

export function canonicalJson(value: JsonValue): string {
  return write(value, []);
}

export function canonicalBytes(value: JsonValue): Buffer {
  return Buffer.from(canonicalJson(value), 'utf8');
}

/** `path`: the members on the way here, put together for errors alone. */
function write(value: unknown, path: (string | number)[]): string {
  if (path.length > depthMax) throw illegal(path, `is nested deeper than ${depthMax} levels; flatten the value`);
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value))
        throw illegal(path, `is ${value}, which JSON cannot say; use a finite number or null`);
      return String(value); // As ECMAScript does: negative zero is 0.
    case 'string':
      return writeText(value, path);
    case 'object':
      if (value === null) return 'null';
      return Array.isArray(value) ? writeArray(value, path) : writeObject(value, path);
    default:
      throw illegal(
        path,
        `is ${typeof value}; use null, a boolean, a finite number, a text, an array or a plain object`,
      );
  }
}

function writeArray(value: readonly unknown[], path: (string | number)[]): string {
  let text = '[';
  // By index: a hole is undefined then, which is refused; map would skip it.
  for (let n = 0; n < value.length; n++) {
    path.push(n);
    text += n === 0 ? write(value[n], path) : `,${write(value[n], path)}`;
    path.pop();
  }
  return `${text}]`;
}

function writeObject(value: object, path: (string | number)[]): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw illegal(path, `is a ${value.constructor.name}; use a plain object`);
  }
  let text = '{';
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (text !== '{') text += ',';
    text += `${writeText(key, path)}:`;
    path.push(key);
    text += write(member, path);
    path.pop();
  }
  return `${text}}`;
}

function writeText(text: string, path: readonly (string | number)[]): string {
  if (plainText.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw illegal(path, 'holds half a surrogate pair; use well-formed Unicode');
  return JSON.stringify(text);
}

function illegal(path: readonly (string | number)[], what: string): RangeError {
  const where = path.map((member) => (typeof member === 'number' ? `[${member}]` : `.${member}`)).join('');
  return new RangeError(`canonical JSON: ${`$${where}`.slice(0, 200)} ${what}`);
}
