/**
 * Which test files get a process of their own. All others share one with many: a process for each file, and loading the
 * same modules anew in each, was a quarter of what all tests cost.
 *
 * A file is alone where it measures or changes what belongs to a whole process. Where that cannot be seen in the file, it
 * says so in a line of its own that begins with `// Own process:` and gives the reason.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../setup/places.mjs';

const signs = [
  /^\/\/ Own process: \S/m,
  /\bprocess\.(memoryUsage|cpuUsage|resourceUsage)\b/, // What others hold would hide what the test looks for.
  /\bvi\.|\bprocess\.env\.\w+ \??=[^=]|\bdelete process\.env\b|^process\.\w+/m, // Put back or not: others may run on after it.
];

/**
 * @param {string} all a glob from the checkout
 * @returns {string[]} paths from the checkout, sorted
 */
export function ownProcessTests(all) {
  return globSync(all, { cwd: checkout })
    .filter((file) => {
      const text = readFileSync(join(checkout, file), 'utf8');
      return signs.some((sign) => sign.test(text));
    })
    .sort();
}
