import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedFileMode, writeFileAtomic } from '../../base/atomic-file.ts';
import { describeMachine } from '../harness/machine.ts';
import type { Passes } from './judged.ts';

/** One measured cell: a rule under a behaviour, mean over seeds. Shares of 1; null where a study has no such figure. */
export type Cell = Readonly<{
  rule: string;
  behaviour: string;
  seeds: readonly string[];
  accuracy: number | null;
  recall: number | null;
  /** Seed by seed. */
  recalls?: readonly number[];
  backdoor: number | null;
  /** Seed by seed, where a family of attacks is judged trace by trace. */
  passes?: readonly Passes[];
  /** Of a network whose rarest class is killed: how that class is told from attacks on it, without and with that; areas under the curve. */
  rare?: Readonly<{ untouched: number; attacked: number }>;
  cpuSeconds?: number;
  /** To the first rule that was measured in turn with it. */
  ratio?: number;
  /** Of the sources that it was measured with, and when. */
  commit: string;
  measuredAt: string;
}>;

/** A cell as it comes out of measuring. */
export type Figures = Omit<Cell, 'commit' | 'measuredAt'>;

/** One rule in one part, as far as it was measured. */
export type Piece = Readonly<{
  part: string;
  rule: string;
  cells: readonly Cell[];
}>;

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'results', 'robustness');

/**
 * Pieces measured so far, a file each, so that the benchmark can be run in parts on a machine that others use too. What
 * is there is not measured again: remove a piece's file, or a cell of it, to have it measured.
 */
export async function keepPiece(piece: Piece): Promise<void> {
  await writeFileAtomic(fileOf(piece.part, piece.rule), `${JSON.stringify(piece, null, 1)}\n`, {
    mode: sharedFileMode,
  });
}

/** Says with what it was measured, and when. */
export function dated(figures: Figures): Cell {
  return { ...figures, commit: describeMachine().commit, measuredAt: new Date().toISOString() };
}

export function isKept(part: string, rule: string): boolean {
  return existsSync(fileOf(part, rule));
}

/** What is there of a piece, perhaps not under all behaviours yet. */
export function keptPiece(part: string, rule: string): Piece | undefined {
  return isKept(part, rule) ? (JSON.parse(readFileSync(fileOf(part, rule), 'utf8')) as Piece) : undefined;
}

export function keptPieces(): Piece[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as Piece);
}

function fileOf(part: string, rule: string): string {
  return path.join(folder, `${`${part} ${rule}`.replaceAll(/[^a-z0-9]+/gi, '-')}.json`);
}
