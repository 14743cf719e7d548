import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedFileMode, writeFileAtomic } from '../../../base/atomic-file.ts';

/** A turn is `--target NAME --seed K --inputs 10000`, K from 1: whoever doubts one runs it again. */
export const inputsOfTurn = 10_000;

/** All that one decoder was ever given by `--continue`. */
export type Row = Readonly<{
  name: string;
  /** Turns so far, so seeds 1 to this. */
  turns: number;
  /** Of a processor, of the last turn. */
  perSecond: number;
  /** Days of the first turn and of the last, as YYYY-MM-DD: what lay between ran on the code of its day. */
  from: string;
  to: string;
  /** The first input of each kind; `input` in Base64. */
  findings: readonly Readonly<{ what: string; input: string; seed: number; day: string }>[];
}>;

const path = join(import.meta.dirname, '../../../bench/results/fuzzing.json');

export function readRecord(): readonly Row[] {
  return existsSync(path) ? rowsOf(readFileSync(path, 'utf8')) : [];
}

export async function writeRecord(rows: readonly Row[]): Promise<void> {
  await writeFileAtomic(path, textOfRecord(rows), { mode: sharedFileMode });
}

export function rowsOf(text: string): readonly Row[] {
  return (JSON.parse(text) as { decoders: readonly Row[] }).decoders;
}

export function textOfRecord(rows: readonly Row[]): string {
  return `${JSON.stringify({ inputsOfTurn, decoders: rows }, null, 2)}\n`;
}
