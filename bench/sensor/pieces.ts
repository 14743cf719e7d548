import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedFileMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { describeMachine } from '../harness/machine.ts';
import type { Report } from '../harness/report.ts';

/** One measurement by its case, its figures, and where and when it was made. */
export type Piece = Readonly<{
  case: string;
  commit: string;
  measuredAt: string;
  figures: Readonly<Record<string, number>>;
}>;

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'results', 'sensor');

/** Reports a measurement and keeps it, in the place of an earlier one: the whole takes half an hour, and machines are shared. */
export async function keepPiece(name: string, figures: Piece['figures'], report: Report): Promise<void> {
  report.record({ case: name, ...figures });
  const { commit } = describeMachine();
  const piece: Piece = { case: name, commit, measuredAt: new Date().toISOString(), figures };
  await writeFileAtomic(path.join(folder, `${name}.json`), `${JSON.stringify(piece, null, 1)}\n`, {
    mode: sharedFileMode,
  });
}

export function keptPieces(): ReadonlyMap<string, Piece> {
  if (!existsSync(folder)) return new Map();
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const pieces = files.map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Piece);
  return new Map(pieces.map((piece) => [piece.case, piece]));
}
