import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { readLines } from '../../client/sources/testing/read-lines.ts';
import type { ReaderTable } from '../../client/sources/testing/reader-case.ts';

/** What one reader reads in a run: lines of its table, over and over. */
export type Sample = Readonly<{ name: string; lines: readonly string[]; text: string; linesInAll: number }>;

/** The lines of all cases that a reader makes something of, without those that it refuses. */
export function readableLines(cases: ReaderTable['cases']): string[] {
  return cases
    .filter(({ items }) => items.every(({ kind }) => kind !== 'skipped'))
    .flatMap((one) => one.lines)
    .filter((line) => line !== '');
}

/**
 * All lines of a table as one file, repeated up to so many bytes; where the first line of a file says how the rest is read, a
 * file for each tool instead, of the first case that has one.
 */
export async function samplesOf(table: ReaderTable, bytes: number): Promise<Sample[]> {
  const all = readableLines(table.cases);
  if (all.length > 0 && (await readCount(table, [...all, ...all])) >= all.length)
    return [sample(table.title, all, bytes)];
  const tools = new Map<string, Sample>();
  for (const { tool, lines } of table.cases) {
    if (tools.has(tool) || (await readCount(table, [...lines, ...lines])) === 0) continue;
    tools.set(tool, sample(`${table.title}: ${tool}`, lines, bytes / 4));
  }
  return [...tools.values()];
}

async function readCount(table: ReaderTable, lines: readonly string[]): Promise<number> {
  return (await readLines(table, lines)).filter(({ kind }) => kind !== 'skipped').length;
}

function sample(name: string, lines: readonly string[], bytes: number): Sample {
  const once = `${lines.join('\n')}\n`;
  const times = Math.max(1, Math.ceil(bytes / Buffer.byteLength(once)));
  return { name, lines, text: once.repeat(times), linesInAll: lines.length * times };
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

const fillings: Readonly<Record<string, string>> = {
  'one long word': 'a',
  blanks: ' ',
  'many words': 'a ',
  quotes: '"',
  'quoted words': '"a" ',
  backslashes: '\\',
  brackets: '[',
  braces: '{"a":',
  commas: ',',
  digits: '1',
  colons: ':',
  slashes: '/',
  dots: '.',
  zeros: '\u0000',
};

/** Lines of one mebibyte, less a little, that are hard on one parser or another: a line with so much put in at a place. */
export function* hardLines(line: string): Generator<Readonly<{ shape: string; text: string }>> {
  const size = 2 ** 20 - line.length - 64;
  for (const [name, filling] of Object.entries(fillings)) {
    const filled = filling.repeat(Math.ceil(size / filling.length)).slice(0, size);
    for (const quarter of [0, 1, 2, 3, 4]) {
      const at = Math.floor((line.length * quarter) / 4);
      yield { shape: `${name}, ${quarter}/4 through`, text: line.slice(0, at) + filled + line.slice(at) };
    }
  }
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
