import type { Mutant } from './instrument.ts';

/** Why a mutant that no test kills does no harm: nothing that anybody could see is otherwise. */
export type Explanation = Readonly<{
  file: string;
  /** The changed expression: as Stryker quotes it, in full or a part of it. */
  from: string;
  /** What stands there instead, where only that is harmless. */
  to?: string;
  why: string;
}>;

export function explanationOf(mutant: Mutant, explanations: readonly Explanation[]): Explanation | undefined {
  return explanations.find(
    ({ file, from, to }) =>
      file === mutant.file && mutant.from.includes(from) && (to === undefined || mutant.to === to),
  );
}

const round = 'coordinator/round';
const kept = 'what was found once is kept, to be quicker: found anew it is the same';
const once = 'acts once in a process, and the run without any mutant came before';
const bound = 'how much is kept, or searched, before it is given up';

export const explanations: readonly Explanation[] = [
  { file: `${round}/accepted-updates.ts`, from: 'places.count === 0', why: kept },
  { file: `${round}/accepted-updates.ts`, from: 'known.set(values, places)', why: kept },
  { file: `${round}/arrival.ts`, from: "'acceptable'", to: '""', why: "asked is only whether it is 'accepted before'" },
  { file: `${round}/cohort-liars.ts`, from: 'count > least', why: 'at the least, the least is given either way' },
  { file: `${round}/cohort.ts`, from: 'distinct.length <= size', why: 'a short cut: all of them, sorted, either way' },
  { file: `${round}/cohort.ts`, from: 'a.draw < b.draw', to: 'a.draw <= b.draw', why: 'no two draws are equal' },
  { file: `${round}/rules.ts`, from: "goal.kind === 'count'", to: 'true', why: 'a share has no updates to compare' },
  { file: `${round}/silence.ts`, from: 'enrolledCount + 1', why: 'where more do not help, fewer do not either' },
  { file: `${round}/silence.ts`, from: 'enough < enrolledCount + enoughSearched', why: bound },
  {
    file: `${round}/standing.ts`,
    from: 'worth < score',
    to: 'worth <= score',
    why: 'where they are equal nothing is added',
  },
  { file: `${round}/standing.ts`, from: 'slope !== null', to: 'true', why: 'null is not above 0' },
  { file: `${round}/step.ts`, from: "'scheduled'", to: '""', why: 'a phase that is not named has no deadline either' },
  { file: `${round}/step.ts`, from: "'candidate'", to: '""', why: 'a phase that is not named has no deadline either' },
  { file: `${round}/step.ts`, from: "'abandoned'", to: '""', why: 'a phase that is not named has no deadline either' },
  {
    file: `${round}/step.ts`,
    from: "case 'abandoned': return undefined;",
    why: 'a phase that is not named has no deadline either',
  },
  { file: `${round}/step.ts`, from: 'a.cluster < b.cluster', to: 'a.cluster <= b.cluster', why: 'none is in it twice' },
  { file: `${round}/step.ts`, from: 'expelled.length === 0', to: 'false', why: 'a short cut: nobody is filtered out' },
  {
    file: `${round}/schedule/blackout.ts`,
    from: 'blackouts.length === 0',
    to: 'false',
    why: 'a short cut: none covers it',
  },
  { file: `${round}/schedule/blackout.ts`, from: 'end < start', to: 'end <= start', why: 'equal ends are refused' },
  { file: `${round}/schedule/blackout.ts`, from: 'format === undefined', why: kept },
  {
    file: `${round}/schedule/blackout.ts`,
    from: 'format = new Intl',
    why: once,
  },
  {
    file: `${round}/schedule/blackout.ts`,
    from: "weekday: 'short'",
    why: once,
  },
  { file: `${round}/schedule/blackout.ts`, from: "'en-US'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: "'short'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: "'2-digit'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: "'h23'", why: once },
  { file: `${round}/schedule/blackout.ts`, from: 'formats.set', why: kept },
  { file: `${round}/schedule/blackout.ts`, from: "''", to: '"Stryker was here!"', why: 'a weekday is always there' },
  { file: `${round}/schedule/next-run.ts`, from: 'holds < holdsMax', to: 'holds <= holdsMax', why: bound },
  { file: `${round}/schedule/next-run.ts`, from: 'known !== undefined', to: 'false', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'known !== undefined', why: once },
  {
    file: `${round}/schedule/next-run.ts`,
    from: 'timezone: timeZone',
    why: once,
  },
  {
    file: `${round}/schedule/next-run.ts`,
    from: 'true',
    to: 'false',
    why: 'croner runs nothing where it is given nothing to run',
  },
  { file: `${round}/schedule/next-run.ts`, from: 'crons', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'next.size >= nextMax', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'next.clear()', why: kept },
  { file: `${round}/schedule/next-run.ts`, from: 'next.set(', why: kept },
  { file: `${round}/schedule/planned-rounds.ts`, from: 'count < plannedMax', to: 'count <= plannedMax', why: bound },
  {
    ...{ file: `${round}/schedule/planned-rounds.ts`, from: 'a.track < b.track', to: 'a.track <= b.track' },
    why: 'a track has no two runs at one time',
  },
];
