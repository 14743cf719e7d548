import type { DeclaredClasses } from './class-blocks.ts';
import type { UpdateShape } from './shape.ts';

/** What an update must look like in a round; `base`: shape [d]. */
export type Guise = Readonly<{ base: Float32Array; shape: UpdateShape; classes: DeclaredClasses }>;

/**
 * The update of that row which is nearest to what an attack made and passes for an honest count: no negative evidence, nothing
 * outside the classes that the row's member declares, the common norm. An attacker who knows the detector sends no other. As it
 * was where nothing is left of it, or where it is not finite: such updates are refused, and that is what they are for.
 */
export function disguised(update: Float32Array, row: number, { base, shape, classes }: Guise): Float32Array {
  const local = update.map((value, at) => Math.max(0, value + (base[at] as number)));
  for (const { class: name, ranges } of classes.blocks) {
    if (classes.declared[row]?.includes(name)) continue;
    for (const { offset, length } of ranges) local.fill(0, offset, offset + length);
  }
  const norm = Math.sqrt(local.reduce((sum, value) => sum + value * value, 0));
  if (!(norm > 0) || !Number.isFinite(norm)) return update;
  return local.map((value, at) => (value * shape.norm) / norm - (base[at] as number));
}
