import { existsSync, readFileSync } from 'node:fs';
import { sharedFileMode, writeFileAtomic } from '../../../base/atomic-file.ts';
import type { Fate } from './ask.ts';
import { type Explanation, explanationOf } from './explained.ts';
import type { Mutant } from './instrument.ts';

type Survivor = Readonly<{ line: number; from: string; to: string; reached: boolean; why?: string }>;
export type FileResult = Readonly<{
  file: string;
  killed: number;
  /** Act while a module is loaded, and were not asked one by one. */
  static: number;
  survivors: readonly Survivor[];
}>;
export type RoomResult = Readonly<{
  room: string;
  day: string;
  /** How many were asked, those of `besides` among them. */
  tests: number;
  /** Of files that are not the room's own and were asked of its survivors, how many each has. */
  besides?: Readonly<Record<string, number>>;
  files: readonly FileResult[];
}>;

/** The tests of a result once those of `asked`, by their files, were asked of its survivors too: however often, each counts once. */
export function withTests(
  { tests, besides = {} }: Pick<RoomResult, 'tests' | 'besides'>,
  own: readonly string[],
  asked: readonly Readonly<{ file: string }>[],
): Required<Pick<RoomResult, 'tests' | 'besides'>> {
  const counts: Record<string, number> = {};
  for (const { file } of asked) if (!own.includes(file)) counts[file] = (counts[file] ?? 0) + 1;
  const sum = (of: Readonly<Record<string, number>>) => Object.values(of).reduce((all, count) => all + count, 0);
  const now = { ...besides, ...counts };
  return { tests: tests - sum(besides) + sum(now), besides: now };
}

export function filesOf(
  mutants: readonly Mutant[],
  fates: ReadonlyMap<string, Fate>,
  explanations: readonly Explanation[],
): FileResult[] {
  const names = [...new Set(mutants.map(({ file }) => file))];
  return names.map((file) => {
    const own = mutants.filter((mutant) => mutant.file === file);
    const ofFate = (fate: Fate['fate']) => own.filter(({ id }) => fates.get(id)?.fate === fate);
    const survivors = own.flatMap((mutant): Survivor[] => {
      const fate = fates.get(mutant.id)?.fate;
      if (fate !== 'alive' && fate !== 'unreached') return [];
      const why = explanationOf(mutant, explanations)?.why;
      const { line, from, to } = mutant;
      return [{ line, from, to, reached: fate === 'alive', ...(why !== undefined && { why }) }];
    });
    return { file, killed: ofFate('killed').length, static: ofFate('static').length, survivors };
  });
}

/** Which of these survived, by a result of the very same mutants; undefined where it tells of others. */
export function survivorsOf(files: readonly FileResult[], mutants: readonly Mutant[]): readonly Mutant[] | undefined {
  const nameOf = ({ file, line, from, to }: Pick<Mutant, 'file' | 'line' | 'from' | 'to'>) =>
    JSON.stringify([file, line, from, to]);
  const left = new Map<string, number>();
  for (const { file, survivors } of files) {
    for (const survivor of survivors) {
      const name = nameOf({ file, ...survivor });
      left.set(name, (left.get(name) ?? 0) + 1);
    }
  }
  const found = mutants.filter((mutant) => {
    const count = left.get(nameOf(mutant)) ?? 0;
    left.set(nameOf(mutant), count - 1);
    return count > 0;
  });
  const counted = (one: FileResult) => one.killed + one.static + one.survivors.length;
  const isSame =
    mutants.length === files.reduce((sum, one) => sum + counted(one), 0) &&
    files.every((one) => counted(one) === mutants.filter(({ file }) => file === one.file).length) &&
    found.length === files.reduce((sum, { survivors }) => sum + survivors.length, 0);
  return isSame ? found : undefined;
}

/** The result once these of its survivors are killed as well. */
export function lessKilled(
  files: readonly FileResult[],
  killed: readonly Mutant[],
  explanations: readonly Explanation[],
): FileResult[] {
  return files.map((one) => {
    const gone = killed.filter(({ file }) => file === one.file);
    const survivors = [...one.survivors];
    for (const { line, from, to } of gone) {
      const at = survivors.findIndex((other) => other.line === line && other.from === from && other.to === to);
      survivors.splice(at, 1);
    }
    const anew = survivors.map(({ line, from, to, reached }): Survivor => {
      const why = explanationOf({ file: one.file, from, to }, explanations)?.why;
      return { line, from, to, reached, ...(why !== undefined && { why }) };
    });
    return { ...one, killed: one.killed + gone.length, survivors: anew };
  });
}

/** What survived, with the explanations of now. */
export function explainedAnew(rooms: readonly RoomResult[], explanations: readonly Explanation[]): RoomResult[] {
  const anew = (file: string, { line, from, to, reached }: Survivor): Survivor => {
    const why = explanationOf({ file, from, to }, explanations)?.why;
    return { line, from, to, reached, ...(why !== undefined && { why }) };
  };
  return rooms.map((room) => ({
    ...room,
    files: room.files.map((one) => ({ ...one, survivors: one.survivors.map((survivor) => anew(one.file, survivor)) })),
  }));
}

/** Per cent of those that could be killed; of those, `explained` counts the harmless ones among the killed. */
export function scoreOf(files: readonly FileResult[], explained: 'as survivors' | 'as killed'): number {
  const sum = (of: (file: FileResult) => number) => files.reduce((all, file) => all + of(file), 0);
  const killed = sum((file) => file.killed);
  const harmless = sum(({ survivors }) => survivors.filter(({ why }) => why !== undefined).length);
  const all = killed + sum(({ survivors }) => survivors.length);
  return all === 0 ? 100 : (100 * (killed + (explained === 'as killed' ? harmless : 0))) / all;
}

export function readResults(path: string): readonly RoomResult[] {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { rooms: readonly RoomResult[] }).rooms : [];
}

export async function writeResults(path: string, rooms: readonly RoomResult[]): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify({ rooms }, null, 1)}\n`, { mode: sharedFileMode });
}
