import type { ModelSpec } from '../../../../proto/model-spec.ts';
import type { Observed } from '../../detector.ts';
import { classTableBlocks, trainClassTable } from './class-table.ts';

/**
 * Where a table by class would learn from attacks and nothing else: 1 in the slots that attacks on a class leave evidence in and
 * none of its normal traces, and in those that attacks on any class do and normal traces of none; else 0. An attack
 * brings its own calls along into whatever it breaks into, and a gram has the same slot in every block. Shape [layout.length].
 */
export function attackSlots(spec: ModelSpec, normal: readonly Observed[], attacks: readonly Observed[]): Uint8Array {
  const blocks = [...classTableBlocks(spec).values()];
  const [usual, hostile] = [trainClassTable(spec, normal).weights, trainClassTable(spec, attacks).weights];
  const anywhere = (evidence: Float32Array) =>
    Uint8Array.from({ length: blocks[0]?.length ?? 0 }, (_, slot) =>
      blocks.some(({ offset }) => (evidence[offset + slot] as number) > 0) ? 1 : 0,
    );
  const [usualAnywhere, hostileAnywhere] = [anywhere(usual), anywhere(hostile)];
  const marked = new Uint8Array(usual.length);
  for (const { offset, length } of blocks) {
    for (let slot = 0; slot < length; slot++) {
      const here = (hostile[offset + slot] as number) > 0 && usual[offset + slot] === 0;
      const elsewhere = hostileAnywhere[slot] === 1 && usualAnywhere[slot] === 0;
      if (here || elsewhere) marked[offset + slot] = 1;
    }
  }
  return marked;
}
