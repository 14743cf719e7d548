import { decimalOf } from '../../../base/text/number.ts';
/** Columns by name, in any spelling: "Src IP", "src_ip" and "SrcIP" are one. */
export class CsvHeader {
  readonly names: readonly string[];
  readonly #columns = new Map<string, number>();

  constructor(names: readonly string[]) {
    this.names = names;
    for (const [column, name] of names.entries()) {
      const plain = plainName(name);
      if (!this.#columns.has(plain)) this.#columns.set(plain, column);
    }
  }

  has(...names: readonly string[]): boolean {
    return names.every((name) => this.#columns.has(plainName(name)));
  }

  /** Column of the first of these names that there is; -1 for none. */
  column(...names: readonly string[]): number {
    for (const name of names) {
      const column = this.#columns.get(plainName(name));
      if (column !== undefined) return column;
    }
    return -1;
  }
}

/** No column has a longer name: a line of a mebibyte that is no header is not looked through. */
const nameMax = 256;

function plainName(name: string): string {
  return name
    .slice(0, nameMax)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
}

/** A field as text, trimmed; empty where there is no such column. */
export function textAt(fields: readonly string[], column: number): string {
  return (fields[column] ?? '').trim();
}

/** A field as a time, in its own unit; NaN where it is empty, "-" or no number: that is no time, and least of all 1970. */
export function timeAt(fields: readonly string[], column: number): number {
  const text = textAt(fields, column);
  return text === '' || text === '-' ? Number.NaN : decimalOf(text);
}

/** A field as a number; 0 where it is empty or "-", NaN where it is no number. */
export function numberAt(fields: readonly string[], column: number): number {
  const text = textAt(fields, column);
  return text === '' || text === '-' ? 0 : decimalOf(text);
}

/** A field as a port, which some sets write as "0x000b"; as `numberAt` otherwise. */
export function portAt(fields: readonly string[], column: number): number {
  const text = textAt(fields, column);
  return /^0x[0-9a-f]{1,4}$/i.test(text) ? Number(text) : numberAt(fields, column);
}
