import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readLines } from '../../client/sources/testing/read-lines.ts';
import type { ReaderTable } from '../../client/sources/testing/reader-case.ts';

/** What one reader reads in a run: its table's own lines, over and over. */
export type Sample = Readonly<{ lines: readonly string[]; text: string; linesInAll: number }>;

/** The lines of all cases of which the reader makes something, repeated up to so many bytes. */
export function sampleOf({ cases }: ReaderTable, bytes: number): Sample {
  const lines = cases
    .filter(({ items }) => items.every(({ kind }) => kind !== 'skipped'))
    .flatMap((one) => one.lines)
    .filter((line) => line !== '');
  const once = `${lines.join('\n')}\n`;
  const times = Math.max(1, Math.ceil(bytes / Buffer.byteLength(once)));
  return { lines, text: once.repeat(times), linesInAll: lines.length * times };
}

/** Throws where a case is not read as its table says: by kinds and reasons, as the tests hold all of it. */
export async function checkCases(table: ReaderTable): Promise<void> {
  for (const one of table.cases) {
    const found = (await readLines(table, one.lines)).map((item) =>
      item.kind === 'skipped' ? item.reason : item.kind,
    );
    const expected = one.items.map((item) => (item.kind === 'skipped' ? item.reason : item.kind));
    if (found.join() !== expected.join()) {
      throw new Error(`${table.title}, ${one.tool}, ${one.shape}: expected ${expected.join()}, got ${found.join()}`);
    }
  }
}

/** Items that the reader makes of a file, read to its end. */
export async function countItems({ open }: ReaderTable, file: string): Promise<number> {
  let count = 0;
  for await (const { items } of open(file, { follow: false, signal: new AbortController().signal }))
    count += items.length;
  return count;
}

/** Lines of one mebibyte, less a little, that are hard on one parser or another. */
export function hardLines(line: string): Readonly<Record<string, string>> {
  const size = 2 ** 20 - line.length - 64;
  const middle = line.length >> 1;
  const within = (filling: string) =>
    line.slice(0, middle) + filling.repeat(Math.ceil(size / filling.length)).slice(0, size) + line.slice(middle);
  return {
    'blanks at its end': line + ' '.repeat(size),
    'one long word': within('a'),
    'many words': within('a '),
    quotes: within('"'),
    'quoted words': within('"a" '),
    backslashes: within('\\'),
    brackets: within('['),
    braces: within('{"a":'),
    commas: within(','),
    digits: within('1'),
    colons: within(':'),
    slashes: within('/'),
    'no text at all': '\u0000'.repeat(size),
  };
}

/** Runs with a file of this text that is deleted afterwards. */
export async function withFile<Value>(text: string, run: (file: string) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'testudo-bench-'));
  try {
    const file = path.join(folder, 'lines.log');
    writeFileSync(file, text);
    return await run(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
