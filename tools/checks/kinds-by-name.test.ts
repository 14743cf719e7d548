import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtInKinds } from '../../client/tracks/track-kinds.ts';
import { checkout } from '../setup/places.mjs';
import { isTestCode } from './arrows/reading.ts';

/** The demonstration, the benchmarks and recorded data are about particular kinds; everybody else asks the kind. */
const folders = ['base', 'proto', 'aggregation', 'coordinator', 'client', 'relay', 'door', 'cli', 'lab', 'tools'];

const lab = 'stands up the federation that the demonstration and the benchmarks measure, with both kinds side by side';
const simulated = 'plays alerts of both kinds against an agent in a simulated cluster, as a hub would tell of them';
const map = 'lists files of the house, those of the kinds among them';
/** Modules that name a kind all the same, each with the reason. */
const except: Readonly<Record<string, string>> = {
  'cli/response/drill/lateral-movement.ts': 'replays what only flows show: it is a drill of that kind',
  'client/ingest.ts': 'takes an item of that name, which a source yields and no track is',
  'client/response/simulation/quarantine-history.ts': simulated,
  'client/response/simulation/sightings.ts': simulated,
  'client/tracks/track-kinds.ts': 'holds the one default, for clients and verbs',
  'lab/data/recorded-updates.ts': 'counts what is recorded, which is of that kind',
  'lab/rig/cluster-process.ts': lab,
  'lab/rig/federation.ts': lab,
  'lab/rig/plan.ts': lab,
  'proto/envelope/samples.ts': 'holds samples for the vectors, whose tracks are called as these kinds are',
  'proto/ids.ts': 'gives an example of a legal track id in the sentence about illegal ones',
  'tools/checks/arrows/house.ts': map,
  'tools/checks/time.ts': map,
};

/** Rooms where such a word is an event or a field of a sensor's own format: there only imports tell. */
const eventRooms = /^client\/(?:events|recordings|sources)\//;

/** The kinds that a module knows: by a text that is or begins with their name, or by a path into their folder. */
function kindsNamedIn(file: string, text: string, kinds: readonly string[]): string[] {
  return kinds.filter((kind) => {
    const isImported = new RegExp(`\\btracks/${kind}/|^client/tracks/.*'\\./${kind}/`, 's');
    const isSaid = new RegExp(`(['"\`])${kind}(?:\\1|[:,] )`);
    const path = `${dirname(file)}/\n${text}`;
    return isImported.test(path) || (!eventRooms.test(file) && isSaid.test(text));
  });
}

/** Everything that ships but generated code and the kinds' own folders. */
function modules(kinds: readonly string[]): ReadonlyMap<string, string> {
  const isOwn = (file: string) => kinds.some((kind) => file.startsWith(`client/tracks/${kind}/`));
  const files = folders.flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => join(folder, file).replaceAll('\\', '/'))
      .filter((file) => /\.[cm]?[jt]s$/.test(file) && !/\.test\.ts$|\/generated\//.test(file))
      .filter((file) => !isTestCode(file) && !isOwn(file)),
  );
  return new Map(files.map((file) => [file, readFileSync(join(checkout, file), 'utf8')]));
}

describe('kinds of tracks', () => {
  it('are known by name in their own folders alone, and where a reason is given', () => {
    const kinds = builtInKinds();
    expect(kinds).toEqual(['api', 'feature-rows', 'flow', 'syscall']);
    const read = modules(kinds);
    expect(read.size).toBeGreaterThan(500);
    const naming = [...read].filter(([file, text]) => kindsNamedIn(file, text, kinds).length > 0).map(([file]) => file);
    expect(naming.sort()).toEqual(Object.keys(except).sort());
  });

  it.each([
    [
      'cli/offline/score.ts',
      "import { SyscallScorer } from '../../client/tracks/syscall/scoring/scoring.ts';",
      ['syscall'],
    ],
    ['cli/offline/score.ts', "if (track === 'flow') return scoreFlows();", ['flow']],
    ['cli/processes/demo.ts', "'syscall, or syscall,flow'", ['syscall']],
    ['client/tracks/track-kinds.ts', "import { trackKind } from './flow/track.ts';", ['flow']],
    ['client/sources/flow/hubble-flow.ts', "return { kind: 'flow', flow };", []],
    ['client/sources/open-source.ts', "import { trackKind } from '../tracks/flow/track.ts';", ['flow']],
    ['client/scoring/judge.ts', '// Such as syscall-gram-table/1.', []],
  ])('are seen in %s: %s', (file, text, found) => {
    expect(kindsNamedIn(file, text, ['flow', 'syscall'])).toEqual(found);
  });
});
