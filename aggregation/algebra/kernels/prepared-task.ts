import type { RowSum } from '../../blocks/blocks.ts';
import { bindTask, writeTerms } from './bound-task.ts';
import { outputBytes, rowSumBytes, type Slot, type TaskStart } from './kernel-task.ts';
import { growTo, type Kernels, memoryPlan, roundUp } from './kernels.ts';

/** One worker's part: where things lie in its memory, and what it does with a filled block. */
export type PreparedTask = Readonly<{
  slots: readonly Slot[];
  run(slot: number, columns: number, offset: number): void;
}>;

export function prepareTask(kernels: Kernels, start: TaskStart): PreparedTask {
  const { task, n, rowSums, columns, slots: slotCount } = start;
  const plan = memoryPlan();
  const slots = Array.from({ length: slotCount }, () => ({
    input: plan.take(4 * n * roundUp(columns, 16)),
    output: plan.take(outputBytes(task, rowSums?.length ?? n, columns)),
  }));
  const summed = rowSums && bindRowSums(kernels, rowSums, columns, plan.take);
  const work = bindTask(kernels, task, rowSums?.length ?? n, summed ? 8 : 4, plan.take);
  growTo(kernels, plan.bytes());
  summed?.writeConstants();
  work.writeConstants();
  return {
    slots,
    run(slot, count, offset) {
      const { input, output } = slots[slot] as Slot;
      const padded = padRows(kernels, input, n, count);
      if (summed === undefined) work.runBlock(input, 4 * padded, padded, output, offset);
      else work.runBlock(summed.sum(input, padded), 8 * padded, padded, output, offset);
    },
  };
}

function bindRowSums(kernels: Kernels, rowSums: readonly RowSum[], columns: number, take: (bytes: number) => number) {
  const terms = rowSums.map(({ members }) => take(16 * members.length));
  const made = take(rowSumBytes(rowSums, columns));
  return {
    writeConstants() {
      rowSums.forEach(({ members, factors }, row) => {
        writeTerms(kernels, terms[row] as number, members, factors);
      });
    },
    /** The address of the float64 rows, one after another. */
    sum(input: number, padded: number): number {
      rowSums.forEach(({ members, divisor }, row) => {
        const out = made + 8 * padded * row;
        kernels.run.combine(input, 4 * padded, terms[row] as number, members.length, padded, divisor, out);
      });
      return made;
    },
  };
}

/**
 * Gives every row of a filled block a length that is a multiple of 16 values, zeros at its end: kernels take 4 or 16
 * columns at a time, and a zero adds nothing to any sum. Returns the new length.
 */
function padRows(kernels: Kernels, input: number, n: number, columns: number): number {
  const padded = roundUp(columns, 16);
  if (padded === columns) return columns;
  const rows = new Float32Array(kernels.buffer(), input, n * padded);
  for (let row = n - 1; row >= 0; row--) {
    rows.copyWithin(row * padded, row * columns, (row + 1) * columns); // From the last row on: never over one not yet moved.
    rows.fill(0, row * padded + columns, (row + 1) * padded);
  }
  return padded;
}
