/**
 * What each test file cost when the whole suite last ran and `npm run costs` kept it, in costs.txt beside this file. By it the
 * longest begin first, and those that cost much are left out of `npm test`. A file that is not kept costs little.
 */
import { readFileSync } from 'node:fs';

/** @typedef {{ processorSeconds: number, wallSeconds: number }} KeptCost processorSeconds: child processes included */

export const costsFile = new URL('costs.txt', import.meta.url);

/** @returns {Map<string, KeptCost>} by path from the checkout */
export function keptCosts() {
  return costsOf(readFileSync(costsFile, 'utf8'));
}

/**
 * @param {string} rows of seconds of the processor, seconds on the clock, and file
 * @returns {Map<string, KeptCost>}
 */
export function costsOf(rows) {
  const fields = rows
    .split('\n')
    .filter(Boolean)
    .map((row) => row.trim().split(/\s+/));
  return new Map(
    fields.map(([processor, wall, file = '']) => [
      file,
      { processorSeconds: Number(processor), wallSeconds: Number(wall) },
    ]),
  );
}
