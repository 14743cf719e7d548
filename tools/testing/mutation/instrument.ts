import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Room } from './rooms.ts';

/** One change of one expression: Stryker's words for it. Lines from 1. */
export type Mutant = Readonly<{ id: string; file: string; line: number; kind: string; from: string; to: string }>;

type Position = Readonly<{ line: number; column: number }>;
/** What we use of @stryker-mutator/instrumenter, which is not among this checkout's packages. */
type Instrumenter = {
  instrument(
    files: readonly Readonly<{ name: string; content: string; mutate: boolean }>[],
    options: Readonly<{ plugins: null; excludedMutations: readonly string[]; ignorers: readonly [] }>,
  ): Promise<{
    files: readonly Readonly<{ name: string; content: string }>[];
    mutants: readonly Readonly<{
      id: string;
      fileName: string;
      mutatorName: string;
      replacement: string;
      location: Readonly<{ start: Position; end: Position }>;
    }>[];
  }>;
};
type InstrumenterModule = { Instrumenter: new (logger: Readonly<Record<string, () => unknown>>) => Instrumenter };

export const strykerVersion = '10.1.1';

/** Writes each source of the room with all of its mutants in it, none of them active, under `folder`/sources/. */
export async function instrument(room: Room, checkout: string, folder: string): Promise<readonly Mutant[]> {
  const { Instrumenter } = await stryker(checkout);
  const without = new Set(globSync([...(room.without ?? [])], { cwd: checkout }));
  const names = globSync([...room.sources], { cwd: checkout })
    .filter((name) => !name.endsWith('.test.ts') && !without.has(name))
    .toSorted();
  // Types are blanked out first, which moves nothing: Babel prints "a as B < c" in a way that reads as a generic.
  const files = names.map((name) => {
    const content = forgetful(name, stripTypeScriptTypes(readFileSync(join(checkout, name), 'utf8')), room);
    return { name, mutate: true, content };
  });
  const silent = () => undefined;
  const quiet = {
    trace: silent,
    debug: silent,
    info: silent,
    isDebugEnabled: () => false,
    isTraceEnabled: () => false,
  };
  const made = await new Instrumenter(quiet).instrument(files, { plugins: null, excludedMutations: [], ignorers: [] });
  rmSync(join(folder, 'sources'), { recursive: true, force: true });
  for (const { name, content } of made.files) {
    const path = join(folder, 'sources', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  const textOf = new Map(files.map(({ name, content }) => [name, content.split('\n')]));
  return made.mutants.map(({ id, fileName, mutatorName, replacement, location: { start, end } }) => ({
    ...{ id, file: fileName, line: start.line + 1, kind: mutatorName, to: replacement.replace(/\s+/g, ' ') },
    from: between(textOf.get(fileName) ?? [], start, end).replace(/\s+/g, ' '),
  }));
}

function forgetful(name: string, source: string, { forgets = [] }: Room): string {
  return forgets.reduce((text, { file, from, to }) => {
    if (file !== name) return text;
    if (!text.includes(from)) throw new Error(`rooms.ts: ${file} has no ${from} any more`);
    return text.replace(from, to);
  }, source);
}

function between(lines: readonly string[], start: Position, end: Position): string {
  const within = lines.slice(start.line, end.line + 1);
  if (start.line === end.line) return (within[0] ?? '').slice(start.column, end.column);
  return [
    (within[0] ?? '').slice(start.column),
    ...within.slice(1, -1),
    (within.at(-1) ?? '').slice(0, end.column),
  ].join('\n');
}

/** Installs it beside the checkout's own packages, once: it brings Babel, which nothing else here needs. */
async function stryker(checkout: string): Promise<InstrumenterModule> {
  const folder = join(checkout, 'out/stryker');
  const main = join(folder, 'node_modules/@stryker-mutator/instrumenter/dist/src/index.js');
  if (!existsSync(main)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
    const { status } = spawnSync('npm', ['install', ...options, `@stryker-mutator/instrumenter@${strykerVersion}`], {
      ...{ cwd: folder, stdio: 'inherit' },
    });
    if (status !== 0) throw new Error(`npm could not install @stryker-mutator/instrumenter ${strykerVersion}`);
  }
  return (await import(pathToFileURL(main).href)) as InstrumenterModule;
}
