import { join } from 'node:path';
import type { Line } from './log.ts';
import { type Place, run } from './run.ts';

type Reach = Extract<Line, { kind: 'reach' }>;
export type Reached = Readonly<{ tests: readonly Reach[]; loaded: readonly Extract<Line, { kind: 'loaded' }>[] }>;

/** How a mutant ended: `killed` by the test of that name; `alive` where tests reach it; `unreached`; `static`: it acts while a module is loaded. */
export type Fate = Readonly<{ fate: 'killed'; by: string; why: string } | { fate: 'alive' | 'unreached' | 'static' }>;

/** Cheap tests are asked of everything first, dear ones of what is left. Tests that cost more than the last are not asked. */
const stagesMs = [60, 400, 2_500] as const;

/** Which mutants each test of these files reaches, and what it costs. */
export async function reach(place: Place, files: readonly string[]): Promise<Reached> {
  const lines = await run(
    place,
    { kind: 'reach' },
    files.map((file) => join(place.checkout, file)),
  );
  return {
    tests: lines.filter((line) => line.kind === 'reach'),
    loaded: lines.filter((line) => line.kind === 'loaded'),
  };
}

/** More often than any test passes them: a mutant in a thread has no limit but time. */
const hitsInThreads = 1_000_000;

/** As if each test of a file passed each mutant of the sources that it starts in threads. */
export function withThreads(
  { tests, loaded }: Reached,
  mutants: readonly Readonly<{ id: string; file: string }>[],
  threads: Readonly<Record<string, string>>,
): Reached {
  return {
    loaded,
    tests: tests.map((test) => {
      const own = mutants.filter(({ file }) => threads[file] !== undefined && test.file.endsWith(threads[file]));
      return { ...test, hits: { ...Object.fromEntries(own.map(({ id }) => [id, hitsInThreads])), ...test.hits } };
    }),
  };
}

/** Asks the tests that reach them of the mutants `ids`. `tell`: how far it is, after each process. */
export async function ask(
  place: Place,
  ids: readonly string[],
  { tests, loaded }: Reached,
  { isQuick, tell }: Readonly<{ isQuick: boolean; tell: (fates: ReadonlyMap<string, Fate>) => void }>,
): Promise<ReadonlyMap<string, Fate>> {
  const reached = new Set(tests.flatMap(({ hits }) => Object.keys(hits)));
  const atLoading = new Set(loaded.flatMap((line) => line.ids));
  const fateAtFirst = (id: string): Fate => {
    if (reached.has(id)) return { fate: 'alive' };
    return { fate: atLoading.has(id) ? 'static' : 'unreached' };
  };
  const asking = new Asking(new Map(ids.map((id) => [id, fateAtFirst(id)])), tests);
  for (const [index, stageMs] of stagesMs.slice(0, isQuick ? 2 : 3).entries()) {
    const within = tests.filter(({ ms }) => ms <= stageMs && ms > (stagesMs[index - 1] ?? -1));
    for (let work = asking.workOf(within); Object.keys(work).length > 0; work = asking.workOf(within)) {
      const files = new Set(within.filter(({ test }) => work[test] !== undefined).map(({ file }) => file));
      asking.hear(await run(place, { kind: 'ask', tests: work }, [...files]), Object.keys(work));
      tell(asking.fates);
    }
  }
  return asking.fates;
}

type Work = Readonly<Record<string, { limitMs: number; mutants: readonly [id: string, hits: number][] }>>;

/** What is known so far. A process that ends in the middle of a mutant is that mutant's end; the next goes on with what is left. */
class Asking {
  readonly fates: Map<string, Fate>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #tried = new Set<string>();
  /** Tests that fail when others of their file have not run before them. */
  readonly #useless = new Set<string>();

  constructor(fates: Map<string, Fate>, tests: readonly Reach[]) {
    this.fates = fates;
    this.#names = new Map(tests.map(({ test, name }) => [test, name]));
  }

  workOf(tests: readonly Reach[]): Work {
    const entries = tests.flatMap(({ test, hits, ms }) => {
      const isOpen = (id: string) => this.fates.get(id)?.fate === 'alive' && !this.#tried.has(`${id} ${test}`);
      const mutants = this.#useless.has(test) ? [] : Object.entries(hits).filter(([id]) => isOpen(id));
      return mutants.length === 0 ? [] : [[test, { limitMs: 2_000 + 30 * ms, mutants }] as const];
    });
    return Object.fromEntries(entries);
  }

  hear(lines: readonly Line[], asked: readonly string[]): void {
    let open: Readonly<{ id: string; test: string }> | undefined;
    for (const line of lines) {
      if (line.kind === 'began') {
        open = line;
        this.#tried.add(`${line.id} ${line.test}`);
      }
      if (line.kind === 'killed') this.#kill(line.id, line.test, line.why);
      if (line.kind === 'killed' || line.kind === 'survived') open = undefined;
      if (line.kind === 'spoilt' && line.by === '') this.#useless.add(line.test);
    }
    if (open !== undefined) this.#kill(open.id, open.test, 'the process hung or ended');
    // Nothing was tried, so nothing would be the next time.
    if (!lines.some(({ kind }) => kind === 'began')) for (const test of asked) this.#useless.add(test);
  }

  #kill(id: string, test: string, why: string): void {
    this.fates.set(id, { fate: 'killed', by: this.#names.get(test) ?? test, why });
  }
}
