/**
 * `npm run campaign:mutants -- ROOM… [--quick] [--anew] [--unexplained]`: what the tests of a room would let pass. Tells each survivor that nothing
 * explains, and keeps bench/results/mutants.json and docs/benchmarks/mutants.md. `--quick`: asks no test that costs more than 0.4 s, and
 * keeps neither. A run that was cut off goes on where it was, and what a test said of a mutant stands while the room's sources and the
 * test's file are what they were; `--anew` forgets it; `--unexplained` takes for survivors, and does not
 * ask, what is explained. `--survivors GLOB` asks test files that the page was written without, of what survived there, where the room's sources
 * are what they were. Without a room: the page anew, with the explanations of now. The first run installs
 * Stryker's instrumenter into out/stryker/, by npm.
 */
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type Asked, ask, type Fate, reach, withThreads } from './ask.ts';
import { explanationOf, explanations } from './explained.ts';
import { instrument, type Mutant, strykerVersion } from './instrument.ts';
import { mutantsPage } from './page.ts';
import { digestOfText, keepPast, readPast } from './past.ts';
import {
  explainedAnew,
  type FileResult,
  filesOf,
  lessKilled,
  type RoomResult,
  readResults,
  scoreOf,
  survivorsOf,
  withTests,
  writeResults,
} from './record.ts';
import { type Room, rooms } from './rooms.ts';
import type { Place } from './run.ts';

const checkout = join(import.meta.dirname, '../../..');
const results = join(checkout, 'bench/results/mutants.json');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    anew: { type: 'boolean', default: false },
    unexplained: { type: 'boolean', default: false },
    survivors: { type: 'string' },
  },
});
const chosen = rooms.filter(({ name }) => positionals.includes(name));
if (chosen.length < positionals.length) {
  process.stderr.write(`name rooms, of ${rooms.map(({ name }) => name).join(', ')}\n`);
  process.exit(2);
}
for (const room of chosen) await askRoom(room);
if (chosen.length === 0) await keep(readResults(results));

async function askRoom(room: Room): Promise<void> {
  const folder = join(checkout, 'out/mutants', room.name.replaceAll('/', '-'));
  mkdirSync(folder, { recursive: true });
  const made = await instrument(room, checkout, folder);
  // Where a room forgets something there may be a `false` that is made a false.
  const mutants = made.filter(({ from, to }) => from !== to);
  const place = { checkout, folder };
  const files = globSync([...room.tests], { cwd: checkout }).filter(
    (name) => !/\.(?:kube|stores)\.test\.ts$/.test(name),
  );
  if (values.survivors !== undefined)
    return askOfSurvivors(room, mutants, place, { own: files, glob: values.survivors });
  const sources = digestOfText(JSON.stringify(made) + sourcesOf(folder));
  const past = readPast(folder, values.anew ? '' : sources);
  const known = new Set(past.reached.loaded.map(({ file }) => file));
  const now = await reach(
    place,
    files.filter((name) => !known.has(join(checkout, name))),
  );
  const tests = [...past.reached.tests, ...now.tests];
  const seen = { tests, loaded: [...past.reached.loaded, ...now.loaded] };
  const tell = async ({ fates, verdicts }: Asked) => {
    keepFates(folder, mutants, fates);
    await keepPast(folder, sources, { reached: seen, verdicts });
  };
  process.stdout.write(`${room.name}: ${mutants.length} mutants, ${tests.length} tests in ${files.length} files\n`);
  const isAsked = (mutant: Mutant) => !values.unexplained || explanationOf(mutant, explanations) === undefined;
  const unasked = new Set(mutants.filter((mutant) => !isAsked(mutant)).map(({ id }) => id));
  const fates = await ask(
    place,
    mutants.map(({ id }) => id),
    withThreads(seen, mutants, room.threads ?? {}),
    { isQuick: values.quick, known: past.verdicts, unasked, tell },
  );
  await keepRoom(room, { tests: tests.length }, filesOf(mutants, fates, explanations));
}

/** What survived on the page, asked of test files that it was written without. */
async function askOfSurvivors(
  room: Room,
  mutants: readonly Mutant[],
  place: Place,
  { own, glob }: Readonly<{ own: readonly string[]; glob: string }>,
): Promise<void> {
  const before = readResults(results).find((result) => result.room === room.name);
  const survivors = before === undefined ? undefined : survivorsOf(before.files, mutants);
  if (before === undefined || survivors === undefined) {
    process.stderr.write(`${room.name}: the page tells of other sources; run it without --survivors first\n`);
    process.exit(1);
  }
  const seen = await reach(place, globSync(glob, { cwd: checkout }));
  const fates = await ask(
    place,
    survivors.map(({ id }) => id),
    withThreads(seen, mutants, room.threads ?? {}),
    { isQuick: values.quick, tell: ({ fates }) => keepFates(place.folder, survivors, fates) },
  );
  const isKilled = ({ id }: Mutant) => fates.get(id)?.fate === 'killed';
  const asked = seen.tests.map(({ file }) => ({ file: relative(checkout, file) }));
  await keepRoom(
    room,
    withTests(before, own, asked),
    lessKilled(before.files, survivors.filter(isKilled), explanations),
  );
}

/** Tells what nothing explains, and keeps the page. */
async function keepRoom(
  room: Room,
  counted: Pick<RoomResult, 'tests' | 'besides'>,
  byFile: readonly FileResult[],
): Promise<void> {
  for (const { file, survivors } of byFile) {
    for (const { line, from, to, reached: isReached, why } of survivors) {
      if (why === undefined)
        process.stdout.write(`${file}:${line}${isReached ? '' : ' (no test)'}: ${from}  =>  ${to}\n`);
    }
  }
  const score = (explained: Parameters<typeof scoreOf>[1]) => scoreOf(byFile, explained).toFixed(1);
  process.stdout.write(
    `${room.name}: ${score('as survivors')} % killed, ${score('as killed')} % killed or explained\n`,
  );
  if (values.quick) return;
  const day = new Date().toISOString().slice(0, 10);
  const result = { room: room.name, day, ...counted, files: byFile };
  const others = readResults(results).filter((other) => other.room !== room.name);
  const place_ = (name: string) => rooms.findIndex((other) => other.name === name);
  const all = [...others, result].toSorted((one, other) => place_(one.room) - place_(other.room));
  await keep(all);
}

/** All sources of a room, with their mutants. */
function sourcesOf(folder: string): string {
  const names = globSync('sources/**/*.ts', { cwd: folder }).toSorted();
  return names.map((name) => readFileSync(join(folder, name), 'utf8')).join('\n');
}

async function keep(rooms: readonly RoomResult[]): Promise<void> {
  const all = explainedAnew(rooms, explanations);
  await writeResults(results, all);
  writeFileSync(join(checkout, 'docs/benchmarks/mutants.md'), mutantsPage(all, strykerVersion));
}

/** For whoever looks while a run goes on. */
function keepFates(folder: string, mutants: readonly Mutant[], fates: ReadonlyMap<string, Fate>): void {
  const rows = mutants.map((mutant) => ({ ...mutant, how: fates.get(mutant.id) }));
  const killed = rows.filter(({ how }) => how?.fate === 'killed').length;
  process.stdout.write(`${killed} of ${mutants.length} killed so far\n`);
  writeFileSync(join(folder, 'result.json'), JSON.stringify(rows, null, 1));
}
