/**
 * Holds the arrows of the architecture: `coordinator → aggregation, proto`; `client → proto`; `cli → all`; nothing else.
 * Run as a script it prints what it read and ends with 1 when an arrow points the wrong way, or when it read nothing.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { checkout, isMain } from '../setup/places.mjs';
import { type Mention, mentionsIn } from './imports.ts';

/** What each folder of the product may import beside itself. Tests, benches and deploy may import anything. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  proto: ['base'],
  aggregation: ['base'],
  coordinator: ['base', 'aggregation', 'proto'],
  client: ['base', 'proto'],
  cli: ['base', 'proto', 'aggregation', 'coordinator', 'client', 'demo', 'tools'],
  demo: ['base', 'proto', 'aggregation', 'coordinator', 'client', 'cli', 'tools'],
};

/** Files that come with the package and belong to nobody. */
const neutralFolders = new Set(['data']);

/** Named through package.json's `imports`: neutral leaves that everyone may use. */
const leaves = new Set(['#tensorflow']);

/** The aggregation rules are mathematics: a module that reaches network, processes or stores has no place there. */
const closedToAggregation =
  /^node:(?:child_process|cluster|dgram|dns|http|http2|https|net|sqlite|tls|readline)(?:\/|$)/;

/** Where folders of detectors are found: what they import is read as every other module is. */
const mayImportComputed = new Set([join('client', 'tracks', 'track-kinds.ts')]);

const skippedFolders = new Set(['node_modules', 'assembly', 'dist']); // assembly: AssemblyScript, a language of its own.

export type Violation = Readonly<{ file: string; line: number; why: string }>;
export type Reading = Readonly<{
  modules: Readonly<Record<string, number>>;
  arrowsFollowed: number;
  violations: readonly Violation[];
}>;

/** Reads every module of the product's folders below root. */
export function readArrows(root: string): Reading {
  const modules: Record<string, number> = {};
  const violations: Violation[] = [];
  let arrowsFollowed = 0;
  for (const folder of Object.keys(allowed)) {
    const files = modulesBelow(join(root, folder));
    modules[folder] = files.length;
    if (files.length === 0) violations.push({ file: folder, line: 0, why: 'no module was read here' });
    for (const path of files) {
      const file = relative(root, path);
      const mentions = read(path, file, violations);
      arrowsFollowed += mentions.length;
      for (const mention of mentions) {
        const why = objection(root, path, folder, mention);
        if (why !== undefined) violations.push({ file, line: mention.line, why });
      }
    }
  }
  if (arrowsFollowed === 0) violations.push({ file: '.', line: 0, why: 'no import was read anywhere' });
  return { modules, arrowsFollowed, violations };
}

function read(path: string, file: string, violations: Violation[]): readonly Mention[] {
  try {
    return mentionsIn(readFileSync(path, 'utf8'), /\.[cm]?ts$/.test(path) ? 'ts' : 'js');
  } catch (error) {
    violations.push({ file, line: 0, why: `could not be read: ${(error as Error).message.split('\n')[0]}` });
    return [];
  }
}

function objection(root: string, path: string, from: string, { specifier }: Mention): string | undefined {
  if (specifier === undefined) {
    return mayImportComputed.has(relative(root, path))
      ? undefined
      : 'imports a computed target, which no check can follow';
  }
  if (specifier.startsWith('#')) return leaves.has(specifier) ? undefined : `imports ${specifier}, not a known leaf`;
  if (from === 'aggregation' && closedToAggregation.test(specifier)) return `aggregation does no I/O: ${specifier}`;
  if (!/^(?:\.{1,2}\/|\/|file:)/.test(specifier)) return undefined; // A package or a built-in module.
  const base = pathToFileURL(path);
  const target = fileURLToPath(new URL(specifier, base));
  if (isTestCode(target) && !isTestCode(path)) return `the product may not import test code: ${specifier}`;
  const to = relative(root, target).split(sep)[0] ?? '';
  if (to === from || allowed[from]?.includes(to) || neutralFolders.has(to)) return undefined;
  if (!to.includes('.') && to !== '') return `${from} may not import ${to}: ${specifier}`;
  // A file beside package.json belongs to nobody; only paths that leave the checkout are refused.
  return to === '..' ? `leaves the checkout: ${specifier}` : undefined;
}

/** Helpers in a testing/ folder, and suites that several tests run (engine-contract.ts). */
function isTestCode(path: string): boolean {
  return path.split(sep).includes('testing') || /-contract\.ts$/.test(path);
}

function modulesBelow(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : modulesBelow(path);
    const isModule = /^\.[cm]?[jt]sx?$/.test(extname(entry.name));
    return isModule && !/\.(?:test|bench)\.[cm]?[jt]sx?$/.test(entry.name) ? [path] : [];
  });
}

function main(): void {
  const { modules, arrowsFollowed, violations } = readArrows(checkout);
  for (const { file, line, why } of violations) process.stderr.write(`${file}:${line}: ${why}\n`);
  const counts = Object.entries(modules).map(([folder, count]) => `${folder} ${count}`);
  const total = Object.values(modules).reduce((sum, count) => sum + count, 0);
  process.stdout.write(`arrows: read ${total} modules (${counts.join(', ')}), ${arrowsFollowed} imports, `);
  process.stdout.write(`${violations.length} against the architecture\n`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}

if (isMain(import.meta.url)) main();
