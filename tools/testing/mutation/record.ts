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
export type RoomResult = Readonly<{ room: string; day: string; tests: number; files: readonly FileResult[] }>;

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
