import type { RefusedUpdate } from './admission.ts';
import { blockBuffer, columnsPerBlock, spans, type UpdateBlocks } from './blocks/blocks.ts';
import { type ColumnRange, type DeclaredClasses, noEvidence } from './class-blocks.ts';

/**
 * What base + update of an honest sender always is, where a detector counts: no negative evidence, one common norm
 * (± `tolerance`, a share of it), and nothing outside the classes that the sender declares. Noise for privacy, lossy
 * compression and clipping break it: a policy that wants those takes no shape.
 */
export type UpdateShape = Readonly<{ norm: number; tolerance: number }>;

/**
 * The rows of another shape, each with the first thing that is wrong with it. An update that teaches nothing at all (base +
 * update is zero) has the shape of a cluster that saw nothing and passes. One pass over [n, d] beside the base [d], O(n + block).
 */
export async function refuseShapes(
  source: UpdateBlocks,
  base: Float32Array,
  shape: UpdateShape,
  classes: DeclaredClasses,
): Promise<RefusedUpdate[]> {
  const { n, d } = source;
  const squared = new Float64Array(n);
  const least = new Float64Array(n);
  const undeclared: (string | undefined)[] = Array.from({ length: n }, () => undefined);
  const columns = Math.min(d, columnsPerBlock(source));
  const block = blockBuffer(source, columns);
  for (const [offset, count] of spans(d, columns)) {
    await source.read(offset, count, block);
    for (let row = 0; row < n; row++) {
      let [sum, lowest] = [squared[row] as number, least[row] as number];
      for (let j = 0; j < count; j++) {
        const value = (base[offset + j] as number) + (block[row * count + j] as number);
        sum += value * value;
        if (!(value >= lowest)) lowest = value;
      }
      squared[row] = sum;
      least[row] = lowest;
      for (const { class: name, ranges } of classes.blocks) {
        if (undeclared[row] !== undefined || classes.declared[row]?.includes(name)) continue;
        if (ranges.some((range) => speaksIn(range, row, { offset, count }, base, block))) undeclared[row] = name;
      }
    }
  }
  return [...Array(n).keys()].flatMap((row) => {
    const norm = Math.sqrt(squared[row] as number);
    const message = wrongWith(norm, least[row] as number, undeclared[row], shape);
    return message === undefined ? [] : [{ row, code: 'SHAPE_WRONG' as const, norm, message }];
  });
}

function speaksIn(
  range: ColumnRange,
  row: number,
  { offset, count }: Readonly<{ offset: number; count: number }>,
  base: Float32Array,
  block: ArrayLike<number>,
): boolean {
  const end = Math.min(range.offset + range.length, offset + count);
  for (let j = Math.max(range.offset, offset); j < end; j++) {
    if (Math.abs((base[j] as number) + (block[row * count + j - offset] as number)) > noEvidence) return true;
  }
  return false;
}

function wrongWith(norm: number, least: number, undeclared: string | undefined, shape: UpdateShape) {
  if (least < -noEvidence) return `holds negative evidence (${least.toPrecision(3)}): counting gives none`;
  if (undeclared !== undefined) return `speaks for class ${undeclared}, which its sender did not declare`;
  const off = Math.abs(norm - shape.norm);
  if (norm > 1e-3 && off > shape.norm * shape.tolerance) {
    return `with the base it has norm ${norm.toPrecision(4)} where every cluster that counts has ${shape.norm}`;
  }
  return undefined;
}
