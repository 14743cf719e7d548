/**
 * `npm run campaign:mutants -- ROOM… [--quick]`: what the tests of a room would let pass. Tells each survivor that nothing explains, and
 * keeps bench/results/mutants.json and docs/benchmarks/mutants.md. `--quick`: asks no test that costs more than 0.4 s, and keeps
 * nothing. Without a room: the page anew, with the explanations of now. The first run installs Stryker's instrumenter into out/stryker/, by npm.
 */
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ask, type Fate, reach, withThreads } from './ask.ts';
import { explanations } from './explained.ts';
import { instrument, type Mutant, strykerVersion } from './instrument.ts';
import { mutantsPage } from './page.ts';
import { explainedAnew, filesOf, type RoomResult, readResults, scoreOf, writeResults } from './record.ts';
import { type Room, rooms } from './rooms.ts';

const checkout = join(import.meta.dirname, '../../..');
const results = join(checkout, 'bench/results/mutants.json');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false } },
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
  const mutants = await instrument(room, checkout, folder);
  const place = { checkout, folder };
  const files = globSync([...room.tests], { cwd: checkout }).filter(
    (name) => !/\.(?:kube|stores)\.test\.ts$/.test(name),
  );
  const reached = withThreads(await reach(place, files), mutants, room.threads ?? {});
  process.stdout.write(
    `${room.name}: ${mutants.length} mutants, ${reached.tests.length} tests in ${files.length} files\n`,
  );
  const ids = mutants.map(({ id }) => id);
  const tell = (fates: ReadonlyMap<string, Fate>) => keepFates(folder, mutants, fates);
  const fates = await ask(place, ids, reached, { isQuick: values.quick, tell });
  const byFile = filesOf(mutants, fates, explanations);
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
  const result = { room: room.name, day, tests: reached.tests.length, files: byFile };
  const others = readResults(results).filter((other) => other.room !== room.name);
  const place_ = (name: string) => rooms.findIndex((other) => other.name === name);
  const all = [...others, result].toSorted((one, other) => place_(one.room) - place_(other.room));
  await keep(all);
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
