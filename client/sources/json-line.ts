import { parseJsonLine } from '../recordings/lines.ts';

/** An object of unchecked fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** The object that a line of JSON is. */
export function parseJsonObject(line: string): Fields | 'MALFORMED_JSON' | 'NOT_AN_OBJECT' {
  let value: unknown;
  try {
    value = parseJsonLine(line);
  } catch {
    return 'MALFORMED_JSON';
  }
  return isFields(value) ? value : 'NOT_AN_OBJECT';
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
