import { join } from 'node:path';
import type { Line } from './log.ts';
import { type Place, run } from './run.ts';

type Reach = Extract<Line, { kind: 'reach' }>;
export type Reached = Readonly<{ tests: readonly Reach[]; loaded: readonly Extract<Line, { kind: 'loaded' }>[] }>;

/** That a test was run with a mutant: what it said where it killed it, nothing where it passed. */
export type Verdict = Readonly<{ id: string; test: string; killed?: string }>;

/** How a mutant ended: `killed` by the test of that name; `alive` where tests reach it; `unreached`; `static`: it acts while a module is loaded. */
export type Fate = Readonly<{ fate: 'killed'; by: string; why: string } | { fate: 'alive' | 'unreached' | 'static' }>;

/** Cheap tests are asked of everything first, dear ones of what is left. Tests that cost more than the last are not asked. */
const stagesMs = [60, 400, 2_500] as const;

/** Which mutants each test of these files reaches, and what it costs. */
export async function reach(place: Place, files: readonly string[]): Promise<Reached> {
  if (files.length === 0) return { tests: [], loaded: [] };
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
  threads: Readonly<Record<string, readonly string[]>>,
): Reached {
  return {
    loaded,
    tests: tests.map((test) => {
      const own = mutants.filter(({ file }) => threads[file]?.some((name) => test.file.endsWith(name)));
      return { ...test, hits: { ...Object.fromEntries(own.map(({ id }) => [id, hitsInThreads])), ...test.hits } };
    }),
  };
}

/** How far it is. */
export type Asked = Readonly<{ fates: ReadonlyMap<string, Fate>; verdicts: readonly Verdict[] }>;
type AskOptions = Readonly<{
  isQuick: boolean;
  /** What need not be asked again. */
  known?: readonly Verdict[];
  /** Mutants that are taken for survivors unless a known verdict says otherwise. */
  unasked?: ReadonlySet<string>;
  /** First, and after each process. */
  tell: (asked: Asked) => void | Promise<void>;
}>;

/** Asks the tests that reach them of the mutants `ids`. */
export async function ask(
  place: Place,
  ids: readonly string[],
  { tests, loaded }: Reached,
  { isQuick, known = [], unasked = new Set(), tell }: AskOptions,
): Promise<ReadonlyMap<string, Fate>> {
  const reached = new Set(tests.flatMap(({ hits }) => Object.keys(hits)));
  const atLoading = new Set(loaded.flatMap((line) => line.ids));
  const fateAtFirst = (id: string): Fate => {
    if (reached.has(id)) return { fate: 'alive' };
    return { fate: atLoading.has(id) ? 'static' : 'unreached' };
  };
  const asking = new Asking(new Map(ids.map((id) => [id, fateAtFirst(id)])), tests, unasked);
  for (const verdict of known) asking.note(verdict);
  await tell(asking);
  for (const [index, stageMs] of stagesMs.slice(0, isQuick ? 2 : 3).entries()) {
    const within = tests.filter(({ ms }) => ms <= stageMs && ms > (stagesMs[index - 1] ?? -1));
    for (let work = asking.workOf(within); Object.keys(work).length > 0; work = asking.workOf(within)) {
      const files = new Set(within.filter(({ test }) => work[test] !== undefined).map(({ file }) => file));
      asking.hear(await run(place, { kind: 'ask', tests: work }, [...files]), Object.keys(work));
      await tell(asking);
    }
  }
  return asking.fates;
}

type Work = Readonly<Record<string, { limitMs: number; mutants: readonly [id: string, hits: number][] }>>;

/** What is known so far. A process that ends in the middle of a mutant is that mutant's end; the next goes on with what is left. */
class Asking {
  readonly fates: Map<string, Fate>;
  readonly verdicts: Verdict[] = [];
  readonly #names: ReadonlyMap<string, string>;
  readonly #tried = new Set<string>();
  readonly #unasked: ReadonlySet<string>;
  /** Tests that fail when others of their file have not run before them. */
  readonly #useless = new Set<string>();

  constructor(fates: Map<string, Fate>, tests: readonly Reach[], unasked: ReadonlySet<string>) {
    this.fates = fates;
    this.#unasked = unasked;
    this.#names = new Map(tests.map(({ test, name }) => [test, name]));
  }

  workOf(tests: readonly Reach[]): Work {
    const entries = tests.flatMap(({ test, hits, ms }) => {
      const isOpen = (id: string) =>
        this.fates.get(id)?.fate === 'alive' && !this.#unasked.has(id) && !this.#tried.has(`${id} ${test}`);
      const mutants = this.#useless.has(test) ? [] : Object.entries(hits).filter(([id]) => isOpen(id));
      return mutants.length === 0 ? [] : [[test, { limitMs: 2_000 + 30 * ms, mutants }] as const];
    });
    return Object.fromEntries(entries);
  }

  hear(lines: readonly Line[], asked: readonly string[]): void {
    let open: Readonly<{ id: string; test: string }> | undefined;
    for (const line of lines) {
      if (line.kind === 'began') open = line;
      if (line.kind === 'survived') this.note({ id: line.id, test: line.test });
      if (line.kind === 'killed') this.note({ id: line.id, test: line.test, killed: line.why });
      if (line.kind === 'killed' || line.kind === 'survived') open = undefined;
      if (line.kind === 'spoilt' && line.by === '') this.#useless.add(line.test);
    }
    if (open !== undefined) this.note({ id: open.id, test: open.test, killed: 'the process hung or ended' });
    // Nothing was tried, so nothing would be the next time.
    if (!lines.some(({ kind }) => kind === 'began')) for (const test of asked) this.#useless.add(test);
  }

  note(verdict: Verdict): void {
    const { id, test, killed } = verdict;
    this.verdicts.push(verdict);
    this.#tried.add(`${id} ${test}`);
    if (killed !== undefined) this.fates.set(id, { fate: 'killed', by: this.#names.get(test) ?? test, why: killed });
  }
}
