/** `npm run costs`: keeps how long the longer files of the last run took, for the order in which the next ones run. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../setup/places.mjs';
import { secondsFile } from './longest-first.mjs';

/** Files that took less follow each other in any order. */
const secondsMin = 2;

const table = readFileSync(join(checkout, 'node_modules', '.cache', 'testudo-test-cost.txt'), 'utf8');
const rows = table
  .split('\n')
  .filter(Boolean)
  .map((row) => {
    const [, , seconds, file = ''] = row.trim().split(/\s+/); // Before them the processor's time, and the children's.
    return { seconds: Number(seconds), file };
  });
const longer = rows.filter(({ seconds }) => seconds >= secondsMin).sort((a, b) => b.seconds - a.seconds);
const text = longer.map(({ seconds, file }) => `${seconds.toFixed(0).padStart(4)} ${file}\n`).join('');
writeFileSync(secondsFile, text);
process.stdout.write(`${longer.length} of ${rows.length} files took ${secondsMin} s or more\n`);
