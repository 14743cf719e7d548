/** An object of unchecked fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** Nothing that sensors write nests so deep. */
const depthMax = 256;
/** Shorter lines cannot nest deep enough to cost anything. */
const lookedThroughMin = 65_536;

/**
 * The object that a line of JSON is. A long line is looked through first: a million brackets cost a parser a hundred times what
 * other text of that length does.
 */
export function parseJsonObject(line: string): Fields | 'MALFORMED_JSON' | 'NOT_AN_OBJECT' {
  if (line.length >= lookedThroughMin && isDeep(line)) return 'MALFORMED_JSON';
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'MALFORMED_JSON';
  }
  return isFields(value) ? value : 'NOT_AN_OBJECT';
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands in quotes does not count: nobody hides what he does by what it is called. */
function isDeep(line: string): boolean {
  let depth = 0;
  for (let at = 0; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === quote) {
      at = endOfText(line, at);
      if (at === -1) return false;
    } else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

const quote = 0x22;
const backslash = 0x5c;

/** Where the quote stands that ends the text which begins at `start`; -1 where none does. */
function endOfText(line: string, start: number): number {
  for (let at = line.indexOf('"', start + 1); at !== -1; at = line.indexOf('"', at + 1)) {
    let escapes = 0;
    while (line.charCodeAt(at - 1 - escapes) === backslash) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return -1;
}
