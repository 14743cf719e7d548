/**
 * `npm run costs`: keeps what the costlier files of the last run took: what is long, and the order of the next runs, go by it.
 * Files that were not among it stay as they were kept.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../setup/places.mjs';
import { costsFile, keptCosts } from './kept-costs.mjs';

/** Files that took less of both follow each other in any order. */
const secondsMin = 2;

const costs = keptCosts();
for (const file of costs.keys()) if (!existsSync(join(checkout, file))) costs.delete(file);
const table = readFileSync(join(checkout, 'node_modules', '.cache', 'testudo-test-cost.txt'), 'utf8');
const rows = table.split('\n').filter(Boolean);
for (const row of rows) {
  const [processor, , wall, file = ''] = row.trim().split(/\s+/); // Between the two: the children's part of the first.
  costs.set(file, { processorSeconds: Number(processor), wallSeconds: Number(wall) });
}
const kept = [...costs].filter(([, cost]) => Math.max(cost.processorSeconds, cost.wallSeconds) >= secondsMin);
kept.sort(([, a], [, b]) => b.processorSeconds - a.processorSeconds || b.wallSeconds - a.wallSeconds);
const column = (/** @type {number} */ seconds) => seconds.toFixed(1).padStart(6);
const text = kept.map(([file, cost]) => `${column(cost.processorSeconds)}${column(cost.wallSeconds)} ${file}\n`);
writeFileSync(costsFile, text.join(''));
process.stdout.write(`read ${rows.length} files; ${kept.length} that took ${secondsMin} s or more are kept\n`);
