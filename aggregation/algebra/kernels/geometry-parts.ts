import { spans } from '../../blocks/blocks.ts';
import { type Piece, piecesOf, type TensorSlot } from '../../geometry.ts';
import { runColumns } from '../../places/sketch.ts';

/** What a walk for geometry.ts is about: `slots` cover all columns. `signs`: of the sketch's runs of 16 columns, where it is asked for. */
export type GeometryParts = Readonly<{ slots: readonly TensorSlot[]; signs: Uint16Array | undefined }>;

/**
 * A block's answer, piece after piece: every row's dot, every row's squared distance, then the sums of the runs that lie in the piece, row
 * after row. `start`: where a piece's begins, in float64 values.
 */
export type GeometryPart = Readonly<{ piece: Piece; runs: number; start: number }>;

/** Those of columns [from, to) of n rows. */
export function* geometryParts({ slots, signs }: GeometryParts, n: number, from: number, to: number) {
  let start = 0;
  for (const piece of piecesOf(slots, from, to)) {
    const runs = signs === undefined ? 0 : runsIn(piece);
    yield { piece, runs, start } satisfies GeometryPart;
    start += n * (2 + runs);
  }
}

/** Bytes of the largest answer among blocks of `columns`. */
export function geometryBytes(parts: GeometryParts, n: number, columns: number): number {
  const { offset, length } = parts.slots.at(-1) as TensorSlot;
  let most = 0;
  for (const [from, count] of spans(offset + length, columns)) {
    for (const { runs, start } of geometryParts(parts, n, from, from + count))
      most = Math.max(most, start + n * (2 + runs));
  }
  return 8 * most;
}

const runsIn = ({ at, length }: Piece) => Math.floor((at + length - 1) / runColumns) - Math.floor(at / runColumns) + 1;
