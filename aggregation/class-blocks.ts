import { type Aggregated, ok, refuse } from './fault.ts';

/** Coordinates [offset, offset + length) of the flat update. */
export type ColumnRange = Readonly<{ offset: number; length: number }>;

/** What coordinates speak for one class alone; ranges ascend and do not overlap. */
export type ClassBlock = Readonly<{ class: string; ranges: readonly ColumnRange[] }>;

/**
 * How updates lie by class. Coordinates in no block belong to all classes. `declared[row]`: the classes that the row's
 * sender was let declare, as its signed header says; a class without a block is of no concern here.
 */
export type DeclaredClasses = Readonly<{
  blocks: readonly ClassBlock[];
  declared: readonly (readonly string[])[];
}>;

/** No more of it than this is none: rounding of base, update and their sum in float32, for values below about 8. */
export const noEvidence = 2e-6;

/** Rows that declare the class, ascending. */
export function holdersOf({ declared }: DeclaredClasses, name: string): number[] {
  return [...declared.keys()].filter((row) => declared[row]?.includes(name));
}

/** The same classes for some of the rows only. */
export function pickDeclared({ blocks, declared }: DeclaredClasses, rows: readonly number[]): DeclaredClasses {
  return { blocks, declared: rows.map((row) => declared[row] ?? []) };
}

/** Refuses blocks that overlap, leave [0, d) or share a name, and declarations of another number of rows. */
export function checkClasses({ blocks, declared }: DeclaredClasses, n: number, d: number): Aggregated<undefined> {
  if (declared.length !== n) {
    return refuse('LENGTH_MISMATCH', `need the declared classes of each of the ${n} updates, got ${declared.length}`);
  }
  if (new Set(blocks.map((block) => block.class)).size !== blocks.length) {
    return refuse('PARAMETER_OUT_OF_RANGE', 'a class has one block; give its ranges together');
  }
  let end = 0;
  for (const { offset, length } of blocks.flatMap(({ ranges }) => ranges).toSorted((a, b) => a.offset - b.offset)) {
    if (
      !(Number.isInteger(offset) && Number.isInteger(length) && offset >= end && length > 0 && offset + length <= d)
    ) {
      return refuse('PARAMETER_OUT_OF_RANGE', `ranges of class blocks must lie in 0..${d} and not overlap`);
    }
    end = offset + length;
  }
  return ok(undefined);
}

/** The coordinates in no block: ascending, without gaps between them where blocks leave none. Empty where blocks cover [0, d). */
export function sharedRanges(blocks: readonly ClassBlock[], d: number): ColumnRange[] {
  const taken = blocks.flatMap(({ ranges }) => ranges).toSorted((a, b) => a.offset - b.offset);
  const shared: ColumnRange[] = [];
  let end = 0;
  for (const { offset, length } of [...taken, { offset: d, length: 0 }]) {
    if (offset > end) shared.push({ offset: end, length: offset - end });
    end = offset + length;
  }
  return shared;
}
