import { Draws } from './world/draws.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Faults begin within this much of a simulated day; the rest of it is calm, and what must come then comes. */
export const faultsForMs = 17 * hourMs;
export const dayMs = 24 * hourMs;

/** What is done to a federation: faults of machines, acts of operators, acts of hostile clusters. */
export type Deed =
  | Readonly<{ kind: 'killCoordinator' }>
  /** At the so-many-th write from then on: between a decision and what it says is durable. */
  | Readonly<{ kind: 'killAtWrite'; writes: number; of: 'any' | 'journal' }>
  /** The so-many-th write from then on fails: nobody knows what of it there is, or there was no room. */
  | Readonly<{ kind: 'failWrite'; writes: number; of: 'any' | 'journal'; mood: 'full' | 'eio' }>
  | Readonly<{ kind: 'pauseCoordinator'; forMs: number }>
  | Readonly<{ kind: 'setCoordinatorClock'; byMs: number }>
  /**
   * So long after the next round begins to collect, or to aggregate, the clock is set to so much past its deadline, and back after a
   * quarter of an hour: what is on its way then comes between the deadline and the timer that notices it.
   */
  | Readonly<{ kind: 'clockPastDeadline'; of: 'collecting' | 'aggregating'; afterMs: number; byMs: number }>
  | Readonly<{ kind: 'coordinatorDisk'; mood: 'slow' | 'full' | 'eio'; forMs: number }>
  | Readonly<{ kind: 'flipJournal' }>
  | Readonly<{ kind: 'flipUpdate' }>
  /** A second coordinator opens the journal of the first, which goes on. */
  | Readonly<{ kind: 'duel'; forMs: number }>
  | Readonly<{ kind: 'killCluster'; cluster: number }>
  | Readonly<{ kind: 'pauseCluster'; cluster: number; forMs: number }>
  | Readonly<{ kind: 'setClusterClock'; cluster: number; byMs: number }>
  | Readonly<{ kind: 'clusterDisk'; cluster: number; mood: 'slow' | 'full' | 'eio'; forMs: number }>
  | Readonly<{ kind: 'flipModel'; cluster: number }>
  | Readonly<{ kind: 'cutLink'; cluster: number; forMs: number }>
  | Readonly<{ kind: 'badLink'; cluster: number; how: 'loss' | 'twice' | 'delay' | 'trickle'; forMs: number }>
  | Readonly<{ kind: 'tamper'; cluster: number; how: 'replay' | 'flip' | 'forge'; forMs: number }>
  | Readonly<{ kind: 'operator'; act: OperatorAct }>
  | Readonly<{ kind: 'hostile'; act: HostileAct }>
  /** A cluster's pods stand for so long, under an agent that rotates them, or that puts suspects into quarantine. */
  | Readonly<{ kind: 'pods'; act: 'rotation' | 'quarantine'; forMs: number }>
  /** `count`: of writes, where the act waits for one. */
  | Readonly<{ kind: 'database'; act: DatabaseAct; count: number; forMs: number }>;

export type DatabaseAct =
  | 'answerLost'
  | 'requestsHeld'
  | 'answersHeld'
  | 'lineCut'
  | 'coordinatorKilled'
  | 'crash'
  | 'full'
  | 'standbyAway'
  | 'waitsCancelled'
  | 'noStandbyNamed'
  | 'failOver'
  | 'standby';

export type OperatorAct =
  | 'openRound'
  | 'cancelRound'
  | 'promote'
  | 'rollBack'
  | 'revoke'
  | 'freeze'
  | 'liftFreeze'
  | 'quarantine'
  | 'release'
  | 'pin'
  | 'unpin'
  | 'moveHead';
export type HostileAct =
  | 'wrongBase'
  | 'conflict'
  | 'forged'
  | 'stolenName'
  | 'copied'
  | 'truncated'
  | 'flood'
  | 'late'
  | 'falseReport';

export type Planned = Readonly<{ id: number; atMs: number; deed: Deed }>;

/** A day of one seed. Data, so that a history shrinks by leaving deeds out. */
export type Plan = Readonly<{
  seed: number;
  /** Where the journal lies in a database: whether each commit waits for its standby. */
  database: Readonly<{ isReplicated: boolean }> | undefined;
  deeds: readonly Planned[];
}>;

/** Each fifth seed's journal lies in a database; in each fifth pods stand for some hours; in each fifth clocks jump over deadlines. */
const twinsEvery = 5;
const databaseAt = 0;
const clocksAt = 2;
const podsAt = 3;
const databaseActs: readonly DatabaseAct[] = [
  'answerLost',
  'answerLost',
  'requestsHeld',
  'requestsHeld',
  'answersHeld',
  'lineCut',
  'coordinatorKilled',
  'coordinatorKilled',
  'crash',
  'crash',
  'full',
  'standbyAway',
  'waitsCancelled',
  'waitsCancelled',
  'noStandbyNamed',
  'failOver',
  'failOver',
  'standby',
  'standby',
];

const operatorActs: readonly OperatorAct[] = [
  'openRound',
  'openRound',
  'openRound',
  'cancelRound',
  'promote',
  'rollBack',
  'revoke',
  'rollBack',
  'freeze',
  'liftFreeze',
  'quarantine',
  'quarantine',
  'release',
  'pin',
  'pin',
  'unpin',
  'moveHead',
];
const hostileActs: readonly HostileAct[] = [
  'wrongBase',
  'conflict',
  'forged',
  'stolenName',
  'copied',
  'truncated',
  'flood',
  'late',
  'falseReport',
];

export function planOf(seed: number, clusters: number): Plan {
  const draws = new Draws(seed);
  const p = 'plan';
  const count = draws.between(p, 12, 36);
  const ofWhat = ['any', 'journal'] as const;
  const moods = ['slow', 'full', 'eio'] as const;
  const cluster = () => draws.between(p, 0, clusters - 1);
  const some = (low: number, high: number) => draws.between(p, low, high);
  const makers: readonly (readonly [number, () => Deed])[] = [
    [5, () => ({ kind: 'killCoordinator' })],
    [8, () => ({ kind: 'killAtWrite', writes: some(1, draws.pick(p, [4, 40])), of: draws.pick(p, ofWhat) })],
    [
      8,
      () => ({
        kind: 'failWrite',
        writes: some(1, draws.pick(p, [4, 40])),
        of: draws.pick(p, ofWhat),
        mood: draws.pick(p, ['full', 'eio', 'eio'] as const),
      }),
    ],
    [3, () => ({ kind: 'pauseCoordinator', forMs: some(1_000, 20 * minuteMs) })],
    [2, () => ({ kind: 'setCoordinatorClock', byMs: some(-45 * minuteMs, 45 * minuteMs) })],
    [4, () => ({ kind: 'coordinatorDisk', mood: draws.pick(p, moods), forMs: some(1_000, 20 * minuteMs) })],
    [1, () => ({ kind: 'flipJournal' })],
    [2, () => ({ kind: 'flipUpdate' })],
    [4, () => ({ kind: 'duel', forMs: some(10_000, 90 * minuteMs) })],
    [5, () => ({ kind: 'killCluster', cluster: cluster() })],
    [3, () => ({ kind: 'pauseCluster', cluster: cluster(), forMs: some(1_000, 40 * minuteMs) })],
    [2, () => ({ kind: 'setClusterClock', cluster: cluster(), byMs: some(-10 * minuteMs, 10 * minuteMs) })],
    [
      3,
      () => ({
        kind: 'clusterDisk',
        cluster: cluster(),
        mood: draws.pick(p, moods),
        forMs: some(1_000, 20 * minuteMs),
      }),
    ],
    [2, () => ({ kind: 'flipModel', cluster: cluster() })],
    [5, () => ({ kind: 'cutLink', cluster: cluster(), forMs: some(1_000, 90 * minuteMs) })],
    [
      5,
      () => ({
        kind: 'badLink',
        cluster: cluster(),
        how: draws.pick(p, ['loss', 'twice', 'delay', 'trickle'] as const),
        forMs: some(minuteMs, 3 * hourMs),
      }),
    ],
    [
      2,
      () => ({
        kind: 'tamper',
        cluster: cluster(),
        how: draws.pick(p, ['replay', 'flip', 'forge'] as const),
        forMs: some(minuteMs, 4 * hourMs),
      }),
    ],
    [24, () => ({ kind: 'operator', act: draws.pick(p, operatorActs) })],
    [14, () => ({ kind: 'hostile', act: draws.pick(p, hostileActs) })],
  ];
  const weighted = makers.flatMap(([weight, make]) => Array.from({ length: weight }, () => make));
  const deeds = Array.from({ length: count }, (_, id) => {
    const make = draws.pick(p, weighted);
    return { id, atMs: momentIn(draws), deed: make() };
  });
  const isOnDatabase = seed % twinsEvery === databaseAt;
  const moreAt: Readonly<Record<number, () => readonly Planned[]>> = {
    [databaseAt]: () => databaseDeeds(draws, count),
    [podsAt]: () => [podsDeed(draws, count)],
    [clocksAt]: () => clockDeeds(draws, count),
  };
  const more = moreAt[seed % twinsEvery]?.() ?? [];
  return {
    seed,
    database: isOnDatabase ? { isReplicated: draws.chance('database plan', 0.6) } : undefined,
    deeds: [...deeds, ...more].sort((a, b) => a.atMs - b.atMs || a.id - b.id),
  };
}

/** Over before the day is. */
function podsDeed(draws: Draws, id: number): Planned {
  const p = 'pods plan';
  const act = draws.pick(p, ['rotation', 'quarantine'] as const);
  const deed = { kind: 'pods', act, forMs: draws.between(p, hourMs, 2 * hourMs) } as const;
  return { id, atMs: draws.between(p, 0, faultsForMs - hourMs), deed };
}

function clockDeeds(draws: Draws, firstId: number): readonly Planned[] {
  const p = 'clocks plan';
  return Array.from({ length: draws.between(p, 2, 4) }, (_, at) => {
    const of = draws.pick(p, ['collecting', 'aggregating'] as const);
    const afterMs = draws.between(p, 0, of === 'collecting' ? 15 * minuteMs : 20_000);
    const deed = { kind: 'clockPastDeadline', of, afterMs, byMs: draws.between(p, 0, 2 * minuteMs) } as const;
    return { id: firstId + at, atMs: draws.between(p, 0, faultsForMs), deed };
  });
}

function databaseDeeds(draws: Draws, firstId: number): readonly Planned[] {
  const p = 'database plan';
  return Array.from({ length: draws.between(p, 6, 16) }, (_, at) => {
    const act = draws.pick(p, databaseActs);
    const count = draws.between(p, 1, draws.pick(p, [4, 40]));
    const isLong = draws.chance(p, 0.3) || act === 'standby';
    const forMs = draws.between(p, 1_000, isLong ? 40 * minuteMs : 30_000);
    return { id: firstId + at, atMs: momentIn(draws, p), deed: { kind: 'database', act, count, forMs } };
  });
}

/** Half of all deeds fall into the first hour after a scheduled round opens, when most is under way. */
function momentIn(draws: Draws, purpose = 'plan'): number {
  const atMs = draws.between(purpose, 0, faultsForMs);
  if (draws.chance(purpose, 0.4)) return atMs;
  return Math.floor(atMs / (6 * hourMs)) * 6 * hourMs + draws.between(purpose, 28 * minuteMs, 100 * minuteMs);
}
