import { decimalOf } from '../../../base/text/number.ts';
/** From texts of named fields to numbers in the order of a model's columns. */
import type { FeatureRow } from './feature-row.ts';

/** Values that a column of words is told apart by; the rest is none of them. */
const wordsMax = 12;
const columnsMax = 512;

/**
 * The columns that these rows have: a field whose values are all numbers is one, a field of words is one for each of its
 * commonest values, "name=value". Fields that hold one value only say nothing, and are left out.
 */
export function columnsOf(rows: readonly FeatureRow[], without: readonly string[] = []): string[] {
  const names = [...new Set(rows.flatMap(({ fields }) => Object.keys(fields)))].filter(
    (name) => !without.includes(name),
  );
  const columns = names.flatMap((name) => {
    const counts = new Map<string, number>();
    for (const { fields } of rows) counts.set(fields[name] ?? '', (counts.get(fields[name] ?? '') ?? 0) + 1);
    if (counts.size < 2) return [];
    if ([...counts.keys()].every((text) => text === '' || isNumber(text))) return [name];
    const common = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, wordsMax);
    return common.map(([word]) => `${name}=${word}`);
  });
  return columns.filter((column) => !column.includes(',')).slice(0, columnsMax);
}

/** Shape [rows, columns], row-major; what a row does not say is 0. */
export function valuesOf(rows: readonly FeatureRow[], columns: readonly string[]): Float32Array {
  const parts = columns.map((column) => {
    const at = column.indexOf('=');
    return at === -1 ? { name: column, word: undefined } : { name: column.slice(0, at), word: column.slice(at + 1) };
  });
  const values = new Float32Array(rows.length * columns.length);
  for (const [row, { fields }] of rows.entries()) {
    for (const [column, { name, word }] of parts.entries()) {
      const text = fields[name] ?? '';
      const value = word === undefined ? decimalOf(text.trim()) : text === word ? 1 : 0;
      values[row * columns.length + column] = Number.isFinite(value) ? value : 0;
    }
  }
  return values;
}

function isNumber(text: string): boolean {
  return Number.isFinite(decimalOf(text.trim())) || /^-?(inf(inity)?|nan)$/i.test(text);
}
