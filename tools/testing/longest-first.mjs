/**
 * The order in which test files run: those with a process of their own before those that share one, and in each the
 * longest first, so that nobody waits at the end for a long file that began last. A worker that shares goes on with the
 * next file only where that one shares too, so the two are not mixed.
 *
 * How long a file takes is read from `seconds.txt` beside this file, which `npm run costs` writes after a whole run. A file
 * that is not in it is short.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { BaseSequencer } from 'vitest/node';

export const secondsFile = new URL('seconds.txt', import.meta.url);

/**
 * Seconds on the clock by file: rows of both.
 *
 * @param {string} rows
 * @returns {Map<string, number>}
 */
export function secondsOf(rows) {
  const fields = rows
    .split('\n')
    .filter(Boolean)
    .map((row) => row.trim().split(/\s+/));
  return new Map(fields.map(([seconds, file = '']) => [file, Number(seconds)]));
}

/**
 * @template {{ file: string, own: boolean }} Placed
 * @param {readonly Placed[]} files
 * @param {ReadonlyMap<string, number>} seconds
 * @returns {Placed[]}
 */
export function longestFirst(files, seconds) {
  const of = (/** @type {Placed} */ { file }) => seconds.get(file) ?? 0;
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
    return longestFirst(files, secondsOf(readFileSync(secondsFile, 'utf8'))).map(({ spec }) => spec);
  }
}
