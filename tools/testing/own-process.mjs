/**
 * Which test files get a process of their own. All others share a few: a process for each file, and loading the same modules
 * anew in each, was a quarter of what all tests cost.
 *
 * A file is alone where it changes what belongs to a whole process, or where it or anything that it loads measures the
 * process: a client keeps its training, and a sensor its work, below a limit of memory, and what other files hold counts. Where that
 * cannot be seen, the file says so in a line of its own that begins with `// Own process:` and gives the reason.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout } from '../setup/places.mjs';

/**
 * In the test itself: what it changes may stay changed while others run. To read the environment, to hand it to a child and to wait
 * changes nothing.
 */
const changes =
  /^\/\/ Own process: \S|\bvi\.(?!waitFor\b|waitUntil\b|fn\b)|\bprocess\.env\.\w+ \??=[^=]|\bdelete process\.env\b|\bprocess\.(chdir|exitCode|on|once|title|memoryUsage|cpuUsage|resourceUsage)\b/m;
/** In whatever it loads of ours. */
const measures = /\bprocess\.(memoryUsage|cpuUsage|resourceUsage)\b/;

// What is imported for its types alone is not loaded. Sources are formatted, so statements begin a line.
const loaded = [
  /^(?:import|export)\s+(?!type\b)[^;'"]*?\bfrom\s*'(\.[^']+)'/gm,
  /^import\s*'(\.[^']+)'/gm,
  /\bimport\s*\(\s*'(\.[^']+)'/g,
];

/** @typedef {{ measures: boolean, imports: readonly string[] }} Source */

/**
 * @param {string} all a glob from the checkout
 * @returns {string[]} paths from the checkout, sorted
 */
export function ownProcessTests(all) {
  /** @type {Map<string, Source>} */
  const read = new Map();
  return globSync(all, { cwd: checkout })
    .filter((file) => {
      const path = join(checkout, file);
      return changes.test(readFileSync(path, 'utf8')) || reachesWhatMeasures(path, read);
    })
    .sort();
}

/**
 * @param {string} file
 * @param {Map<string, Source>} read what is known of each file
 */
function reachesWhatMeasures(file, read) {
  const found = new Set([file]);
  for (const each of found) {
    let source = read.get(each);
    if (source === undefined) {
      source = readSource(each);
      read.set(each, source);
    }
    if (source.measures) return true;
    for (const one of source.imports) found.add(one);
  }
  return false;
}

/**
 * @param {string} file
 * @returns {Source}
 */
function readSource(file) {
  // What a test holds in a string only looks like an import.
  if (!/\.m?[tj]s$/.test(file) || !existsSync(file)) return { measures: false, imports: [] };
  const text = readFileSync(file, 'utf8');
  const imports = loaded.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, name = '']) => join(dirname(file), name)),
  );
  return { measures: measures.test(text), imports };
}
