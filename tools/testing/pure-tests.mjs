/**
 * Which test files may share a process: those that reach nothing which outlives them or belongs to a whole process. A
 * process for each file, and loading the same modules anew in each, is half of what such files cost. A whole client may not: its
 * training stays below a limit of memory, and what other files hold in the process counts. Where a file needs a process of its own
 * and that cannot be seen, it says so in a line that begins with `// Own process:` and gives the reason.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkout } from '../setup/places.mjs';

/** Threads, processes, sockets, native libraries, and what is written for all of a process. */
const shared =
  /^(node:(child_process|worker_threads|cluster|net|tls|http|https|http2|dgram|inspector|v8|vm)|#tensorflow|@grpc\/.*|@tensorflow\/.*|better-sqlite3|bullmq|ioredis|pg|onnxruntime-node)$/;
const ofTheProcess =
  /^\/\/ Own process: \S|\bprocess\.(env|chdir|exit|exitCode|on|once|kill|title|memoryUsage|cpuUsage|resourceUsage)\b|\bvi\./m;

// What is imported for its types alone is not loaded. Sources are formatted, so statements begin a line.
const loaded = [
  /^(?:import|export)\s+(?!type\b)[^;'"]*?\bfrom\s*'([^']+)'/gm,
  /^import\s*'([^']+)'/gm,
  /\bimport\s*\(\s*'([^']+)'/g,
];

/**
 * The test files below these folders that may share a process, as paths from the checkout. The test itself may not speak
 * of the process that it runs in; what it reaches may, by then.
 *
 * @param {string} folders a glob
 * @returns {string[]}
 */
export function pureTests(folders) {
  /** @type {Map<string, string[]>} */
  const read = new Map();
  return globSync(`${folders}/**/*.test.ts`, { cwd: checkout })
    .filter((file) => !file.endsWith('.kube.test.ts'))
    .filter((file) => {
      const path = join(checkout, file);
      return !ofTheProcess.test(readFileSync(path, 'utf8')) && !reached(path, read).some((name) => shared.test(name));
    })
    .sort();
}

/**
 * Everything that a file loads, its own imports' included: packages by name, ours by path.
 *
 * @param {string} file
 * @param {Map<string, string[]>} read what each file imports, as far as it is known
 */
function reached(file, read) {
  const found = new Set([file]);
  for (const each of found) {
    if (!each.startsWith('/')) continue;
    let imports = read.get(each);
    if (imports === undefined) {
      imports = importsOf(each);
      read.set(each, imports);
    }
    for (const one of imports) found.add(one);
  }
  return [...found];
}

/** @param {string} file */
function importsOf(file) {
  // What a test holds in a string only looks like an import.
  if (!/\.m?[tj]s$/.test(file) || !existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return loaded.flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, name = '']) => (name.startsWith('.') ? join(dirname(file), name) : name)),
  );
}
