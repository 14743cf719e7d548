import { declaredClassesMax } from './declared-classes.ts';
import { type ClassName, isClassName } from './ids.ts';
import { layoutOf } from './layout.ts';
import type { ModelSpec } from './model-spec.ts';

/** Where a workload class lies in the flat vector; offset and length count values. */
export type ClassBlock = Readonly<{ className: ClassName; offset: number; length: number }>;

export type ClassBlocks = Readonly<{
  /** One after another, covering the whole vector. */
  blocks: readonly ClassBlock[];
  /**
   * Of counting detectors: the L2 norm of every cluster's local weights, which are nowhere negative and zero outside the
   * classes that the update declares. Undefined where weights are not counts.
   */
  tableNorm: number | undefined;
}>;

/** The hyperparameters that say so: each tensor is a block, and its name ends in "/" and the class. */
export const blocksParameter = 'blocksByClass';
export const tableNormParameter = 'tableNorm';

/** The blocks by class of a checked spec; undefined where it has none, or says that it has and its tensors are others. */
export function classBlocksOf(spec: ModelSpec): ClassBlocks | undefined {
  const { [blocksParameter]: says, [tableNormParameter]: norm } = spec.hyperparameters;
  const { length: count } = spec.tensors;
  if (says !== true || count === 0 || count > declaredClassesMax) return undefined;
  const blocks: ClassBlock[] = [];
  for (const { name, offset, length } of layoutOf(spec).slots) {
    const className = name.slice(name.lastIndexOf('/') + 1);
    if (!isClassName(className) || blocks.some((block) => block.className === className)) return undefined;
    blocks.push({ className, offset, length });
  }
  return { blocks, tableNorm: typeof norm === 'number' && norm > 0 ? norm : undefined };
}
