import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, extname, join, posix, relative, sep } from 'node:path';
import { type Mention, mentionsIn } from '../imports.ts';

/** One module of the house. Paths are relative to the root and written with slashes. */
export type Module = Readonly<{
  file: string;
  /** Lines of text, counted as editors count them. */
  lines: number;
  mentions: readonly Mention[];
  /** Why its imports could not be read; undefined where they could. */
  unreadable: string | undefined;
}>;

/** An import of one module of the house by another one that was read too. */
export type Arrow = Readonly<{ from: string; to: string; line: number }>;

const skippedFolders = new Set(['node_modules', 'dist']);
const moduleName = /^\.[cm]?[jt]sx?$/;

/** Every module below a top folder of the root, tests and benches left out. A folder that is not there holds none. */
export function readModules(root: string, folder: string): Module[] {
  const top = join(root, folder);
  if (!statSync(top, { throwIfNoEntry: false })?.isDirectory()) return [];
  return filesBelow(top).map((path) => readModule(root, path));
}

/** Helpers in a testing/ folder, and suites that several tests run (algebra-contract.ts). */
export function isTestCode(file: string): boolean {
  return file.split(/[/\\]/).includes('testing') || /-contract\.ts$/.test(file);
}

/** A source is written by hand and ships, or measures what ships. */
export function isSource({ file }: Module): boolean {
  return !isTestCode(file) && !file.split('/').includes('generated');
}

/** The arrows between these modules, each from the line that draws it. */
export function arrowsBetween(modules: readonly Module[]): Arrow[] {
  const known = new Set(modules.map(({ file }) => file));
  return modules.flatMap(({ file, mentions }) =>
    mentions.flatMap(({ specifier, line }) => {
      const to = specifier === undefined ? undefined : targetOf(file, specifier, known);
      return to === undefined || to === file ? [] : [{ from: file, to, line }];
    }),
  );
}

/** The module that a relative specifier names; undefined for packages and for what was not read. */
function targetOf(from: string, specifier: string, known: ReadonlySet<string>): string | undefined {
  if (!/^\.{1,2}\//.test(specifier)) return undefined;
  const target = posix.join(posix.dirname(from), specifier);
  return known.has(target) ? target : undefined;
}

function readModule(root: string, path: string): Module {
  const file = relative(root, path).split(sep).join('/');
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  // AssemblyScript is a language of its own: nothing of ours is imported there.
  if (dirname(file).endsWith('/assembly')) return { file, lines, mentions: [], unreadable: undefined };
  try {
    const mentions = mentionsIn(text, path.endsWith('.tsx') ? 'tsx' : /\.[cm]?ts$/.test(path) ? 'ts' : 'js');
    return { file, lines, mentions, unreadable: undefined };
  } catch (error) {
    return { file, lines, mentions: [], unreadable: (error as Error).message.split('\n')[0] ?? 'no reason given' };
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : filesBelow(path);
    const isModule = moduleName.test(extname(entry.name));
    return isModule && !/\.(?:test|bench)\.[cm]?[jt]sx?$/.test(entry.name) ? [path] : [];
  });
}
