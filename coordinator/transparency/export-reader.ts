import { createReadStream } from 'node:fs';
import { refuse } from '../../base/fault.ts';
import { boundedLines } from '../../base/text/bounded-lines.ts';
import { Frontier } from '../../proto/transparency/merkle.ts';
import { chainOrigin } from '../ledger/journal/entry.ts';
import type { JournalHead } from '../ledger/journal/journal.ts';
import { exportFormat, exportFormatBefore } from './export-format.ts';

export type ExportStart = Readonly<{
  before: JournalHead;
  /** The tree over the entries before the first; undefined where the export says nothing of heads. */
  frontier: Frontier | undefined;
  /** The last entry that it promises; undefined where it promises none. */
  through: number | undefined;
  /** The keys that are said to have signed its heads. */
  keys: readonly string[];
}>;

/** The entry of a round of 100,000 updates is a quarter of it; whoever wrote the file may have written it without a line end. */
const lineBytesMax = 64 * 1_048_576;

/** The lines of an export. One that is no JSON object, or longer than any entry, is undefined. */
export async function* linesOf(file: string): AsyncGenerator<Readonly<Record<string, unknown>> | undefined> {
  const bytes = createReadStream(file, { highWaterMark: 1_048_576 });
  for await (const line of boundedLines(bytes, lineBytesMax)) yield line === undefined ? undefined : jsonIn(line);
}

function jsonIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the first line; a string says what is wrong with it. */
export function startOf(row: Readonly<Record<string, unknown>> | undefined): ExportStart | string {
  if (row?.format !== exportFormat && row?.format !== exportFormatBefore) {
    return `its first line is not that of an export (${exportFormat})`;
  }
  const before = { seq: Number(row.afterSequence), chain: String(row.afterChain) };
  if (before.seq === 0 && before.chain !== chainOrigin) return 'it does not begin where journals begin';
  if (row.format === exportFormatBefore) return { before, frontier: undefined, through: undefined, keys: [] };
  const { afterTree, throughSequence, keys } = row;
  const frontier = Frontier.from(
    before.seq,
    texts(afterTree).map((hash) => Buffer.from(hash, 'base64')),
  );
  if (frontier === undefined) return `its first line does not hold the tree of ${before.seq} entries`;
  return { before, frontier, through: Number(throughSequence), keys: texts(keys) };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

export function damaged(what: string) {
  return refuse('EXPORT_DAMAGED', `${what}; ask for the export again, and for why it differs`);
}
