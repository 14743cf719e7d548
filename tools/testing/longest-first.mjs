/**
 * The order in which test files run: those with a process of their own before those that share one, and in each the
 * longest first, so that nobody waits at the end for a long file that began last. A worker that shares goes on with the
 * next file only where that one shares too, so the two are not mixed.
 *
 * How long a file takes is what it took on the clock when costs were kept.
 */
import { relative } from 'node:path';
import { BaseSequencer } from 'vitest/node';
import { keptCosts } from './kept-costs.mjs';

/**
 * @template {{ file: string, own: boolean }} Placed
 * @param {readonly Placed[]} files
 * @param {ReadonlyMap<string, import('./kept-costs.mjs').KeptCost>} costs
 * @returns {Placed[]}
 */
export function longestFirst(files, costs) {
  const of = (/** @type {Placed} */ { file }) => costs.get(file)?.wallSeconds ?? 0;
  // By name where nothing else decides: the same order each time.
  return files.toSorted(
    (a, b) => Number(b.own) - Number(a.own) || of(b) - of(a) || (a.file < b.file ? -1 : 1), //
  );
}

export class LongestFirst extends BaseSequencer {
  /**
   * @override
   * @type {BaseSequencer['sort']}
   */
  async sort(specs) {
    const { root } = this.ctx.config;
    const files = specs.map((spec) => ({
      spec,
      file: relative(root, spec.moduleId),
      own: spec.project.config.isolate,
    }));
    return longestFirst(files, keptCosts()).map(({ spec }) => spec);
  }
}
