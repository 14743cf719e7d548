import { relative } from 'node:path';

/** @typedef {{ file: string, ownSeconds: number, childrenSeconds: number, wallSeconds: number }} Cost */

/**
 * What `record-cost.mjs` noted, costliest file first, as rows of a table: processor seconds, how much of them in child
 * processes, seconds on the clock, file.
 *
 * @param {string} noted JSON lines
 * @param {string} root
 * @returns {{ total: number, rows: string[] }}
 */
export function costTable(noted, root) {
  /** @type {Cost[]} */
  const costs = noted
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const all = (/** @type {Cost} */ { ownSeconds, childrenSeconds }) => ownSeconds + childrenSeconds;
  costs.sort((a, b) => all(b) - all(a));
  return {
    total: costs.reduce((sum, cost) => sum + all(cost), 0),
    rows: costs.map((cost) =>
      [all(cost), cost.childrenSeconds, cost.wallSeconds]
        .map((seconds) => seconds.toFixed(1).padStart(7))
        .concat(` ${relative(root, cost.file)}`)
        .join(''),
    ),
  };
}
