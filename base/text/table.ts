import { instantText } from './instant-text.ts';
import { onOneLine } from './printable.ts';

export type Column<Row> = Readonly<{
  title: string;
  text: (row: Row) => string;
  align?: 'left' | 'right';
}>;

/** Rows as aligned text. Cells never hold control characters: some of them come from peers. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => onOneLine(text(row)))),
  ];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, at) =>
          columns[at]?.align === 'right' ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** "name  value" lines for one thing. */
export function listing(fields: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length));
  return Object.entries(fields)
    .map(([name, value]) => `${name.padEnd(width)}  ${onOneLine(value)}`.trimEnd())
    .join('\n');
}

/** A time in UTC to the second; empty for 0, which means none. */
export function time(ms: bigint | number): string {
  return Number(ms) === 0 ? '' : instantText(Number(ms)).replace(/\.\d{3}Z$/, 'Z');
}

/** The first 12 digits of a digest: enough to tell models apart on a screen. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

/** JSON for programs, one value a line: numbers of 64 bits as numbers where they are exact, bytes in base64. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member === 'bigint')
      return member <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(member) : member.toString();
    if (isBufferJson(member)) return Buffer.from(member.data).toString('base64');
    return typeof member === 'number' && Number.isNaN(member) ? null : member;
  });
}

function isBufferJson(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer';
}
