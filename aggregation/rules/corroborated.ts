import type { UpdateBlocks } from '../blocks/blocks.ts';
import { columnsIn } from '../blocks/columns.ts';
import { rowValues } from '../blocks/row-values.ts';
import { replacedColumns } from '../blocks/views.ts';
import { type ColumnRange, type DeclaredClasses, holdersOf, noEvidence } from '../class-blocks.ts';
import { gathered } from './block-values.ts';

/** `rows`: as they came, but without what was not counted; `uncounted`: of each class, at how many coordinates. */
export type Corroborated = Readonly<{ rows: UpdateBlocks; uncounted: readonly number[] }>;

/**
 * Rows without evidence that nobody honest needs to have given: where the sample has evidence of attacks alone
 * (`attacksOnly`, shape [d]), what rows claim is normal counts in a class if more than f of its holders claim it, or all of them,
 * and reads as no evidence (base + u = 0) if not. So f liars that whitelist an attack, whatever their part of the class, get
 * nothing in by that which no honest holder of it has as well, as long as there is one.
 *
 * What it costs: work that the sample knows from attacks alone and that at most f clusters of a larger class do stays unknown to
 * the table. Shapes: [n, d] → [n, d]. One pass over the holders of every block that has such coordinates, O(d).
 */
export async function corroborated(
  source: UpdateBlocks,
  f: number,
  { base, classes, attacksOnly }: Readonly<{ base: Float32Array; classes: DeclaredClasses; attacksOnly: Uint8Array }>,
): Promise<Corroborated> {
  const dropped = new Map<number, number>(); // By coordinate: the update that leaves no evidence there.
  const uncounted: number[] = [];
  for (const { class: name, ranges } of classes.blocks) {
    const mask = gathered(attacksOnly, ranges);
    const before = gathered(base, ranges);
    const places = [...mask.keys()].filter((at) => mask[at] !== 0);
    const holders = places.length === 0 ? [] : holdersOf(classes, name);
    const claims = new Uint32Array(mask.length);
    for (const row of holders) {
      const values = await rowValues(columnsIn(source, ranges), row);
      for (const at of places) {
        if ((before[at] as number) + (values[at] as number) > noEvidence) claims[at] = (claims[at] as number) + 1;
      }
    }
    const coordinates = coordinatesOf(ranges);
    const needed = claimsNeeded(f, holders.length);
    const few = places.filter((at) => (claims[at] as number) < needed);
    for (const at of few) dropped.set(coordinates[at] as number, -(before[at] as number));
    uncounted.push(few.filter((at) => claims[at] !== 0).length);
  }
  return { rows: dropped.size === 0 ? source : replacedColumns(source, dropped), uncounted };
}

/** So many of h holders that one of them is honest, if any is. */
export function claimsNeeded(f: number, h: number): number {
  return Math.min(f + 1, h);
}

function coordinatesOf(ranges: readonly ColumnRange[]): number[] {
  return ranges.flatMap(({ offset, length }) => Array.from({ length }, (_, at) => offset + at));
}
