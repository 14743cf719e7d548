/**
 * One round, the takeover of its coordinator by another, and receipts, as small as they can be told: two coordinators over one
 * journal, an honest cluster and one that sends what it likes, processes that die or are paused at any moment, writes whose
 * outcome nobody learns. Messages are lost, doubled and reordered: whatever could have been sent may arrive at any time.
 * Events and phases are named as coordinator/round/ names them, which the compiler holds.
 */
import type { RoundEvent, RoundPhase } from '../../coordinator/round/phase.ts';
import type { Model } from './check.ts';

type EventKind = Extract<RoundEvent['kind'], 'opened' | 'updateArrived' | 'timePassed' | 'aggregated' | 'cancelled'>;
type PhaseKind = RoundPhase['kind'];

const clusters = ['honest', 'hostile'] as const;
type Cluster = (typeof clusters)[number];
const payloads: Readonly<Record<Cluster, readonly string[]>> = { honest: ['a'], hostile: ['b', 'c'] };
const quorum = 1;

type Entry = Readonly<{
  event: EventKind;
  /** Of the writer. */
  epoch: number;
  /** The newest epoch that anybody had claimed by then. */
  newest: number;
  cluster?: Cluster;
  payload?: string;
  /** Of what was aggregated: the accepted payloads, by cluster. */
  inputs?: readonly string[];
}>;
type Written = Omit<Entry, 'epoch' | 'newest'>;

type Coordinator = Readonly<{
  isUp: boolean;
  epoch: number;
  /** How many entries of the journal it has folded: a fenced one learns of no more. */
  folded: number;
  /** What it writes just now: nobody knows whether it is on disk. */
  writing: Written | null;
}>;

type Receipt = Readonly<{ cluster: Cluster; payload: string; sequence: number }>;

export type RoundState = Readonly<{
  /** What is on disk, in order. */
  journal: readonly Entry[];
  /** The newest epoch claimed; on disk too. */
  epoch: number;
  /** Sealed payloads that are on disk and synced. */
  blobs: readonly string[];
  coordinators: readonly [Coordinator, Coordinator];
  /** What clusters hold. */
  receipts: readonly Receipt[];
}>;

/** Bugs that can be planted, each of which the model must tell from what is right. */
export const plantedFaults = [
  'answer-before-the-commit',
  'stale-epoch-may-write',
  'accept-before-the-payload-is-synced',
  'second-update-replaces-the-first',
  'undo-on-an-unknown-outcome',
  'accept-after-the-deadline',
  'aggregate-what-was-accepted-when-it-began',
] as const;
export type PlantedFault = (typeof plantedFaults)[number];

const down: Coordinator = { isUp: false, epoch: 0, folded: 0, writing: null };

/** `epochsMax`: how often coordinators start in all. */
export function roundModel({
  epochsMax,
  fault,
}: Readonly<{ epochsMax: number; fault?: PlantedFault | undefined }>): Model<RoundState> {
  const has = (planted: PlantedFault) => fault === planted;

  function* stepsOf(state: RoundState, at: 0 | 1): Generator<readonly [string, RoundState]> {
    const own = state.coordinators[at];
    const name = `coordinator ${at + 1}`;
    const become = (change: Partial<Coordinator>, rest: Partial<RoundState> = {}): RoundState => {
      const coordinators = state.coordinators.with(at, { ...own, ...change }) as unknown as RoundState['coordinators'];
      return { ...state, ...rest, coordinators };
    };
    if (!own.isUp) {
      if (state.epoch >= epochsMax) return;
      const epoch = state.epoch + 1;
      yield [
        `${name} claims epoch ${epoch}`,
        become({ isUp: true, epoch, folded: state.journal.length, writing: null }, { epoch }),
      ];
      return;
    }
    yield [`${name} dies`, become(down)];
    if (own.writing !== null) {
      yield* writesOf(state, own, name, become);
      if (has('answer-before-the-commit') && own.writing.event === 'updateArrived') {
        const { cluster, payload } = own.writing as Required<Pick<Written, 'cluster' | 'payload'>>;
        const receipts = withReceipt(state.receipts, { cluster, payload, sequence: state.journal.length + 1 });
        yield [`${name} answers ${cluster}`, become({}, { receipts })];
      }
      return;
    }
    const fold = state.journal.slice(0, own.folded);
    const phase = phaseOf(fold);
    const write = (writing: Written) => become({ writing });
    if (phase === undefined) yield [`${name} writes opened`, write({ event: 'opened' })];
    const isTaking = phase === 'collecting' || (phase === 'aggregating' && has('accept-after-the-deadline'));
    for (const cluster of clusters) {
      const before = acceptedIn(fold).find((entry) => entry.cluster === cluster);
      if (before !== undefined) {
        const sequence = fold.indexOf(before) + 1;
        const receipt = { cluster, payload: before.payload as string, sequence };
        yield [`${name} answers ${cluster}`, become({}, { receipts: withReceipt(state.receipts, receipt) })];
      }
      for (const payload of isTaking ? payloads[cluster] : []) {
        if (!state.blobs.includes(payload)) {
          const blobs = [...state.blobs, payload].sort();
          yield [`${name} syncs ${cluster}'s ${payload}`, become({}, { blobs })];
          if (!has('accept-before-the-payload-is-synced')) continue;
        }
        if (before !== undefined && !(has('second-update-replaces-the-first') && before.payload !== payload)) continue;
        yield [
          `${name} writes updateArrived of ${cluster}'s ${payload}`,
          write({ event: 'updateArrived', cluster, payload }),
        ];
      }
    }
    if (phase === 'collecting') {
      if (acceptedIn(fold).length >= quorum) yield [`${name} writes timePassed`, write({ event: 'timePassed' })];
      yield [`${name} writes cancelled`, write({ event: 'cancelled' })];
    }
    if (phase === 'aggregating') {
      const taken = has('aggregate-what-was-accepted-when-it-began')
        ? acceptedIn(fold).slice(0, quorum)
        : acceptedIn(fold);
      yield [`${name} writes aggregated`, write({ event: 'aggregated', inputs: inputsOf(taken) })];
    }
  }

  /** A write ends in one of three ways, and the one who wrote learns of two. */
  function* writesOf(
    state: RoundState,
    own: Coordinator,
    name: string,
    become: (change: Partial<Coordinator>, rest?: Partial<RoundState>) => RoundState,
  ): Generator<readonly [string, RoundState]> {
    const { event } = own.writing as Written;
    if (own.epoch !== state.epoch && !has('stale-epoch-may-write')) {
      yield [`${name} is fenced`, become(down)];
      return;
    }
    const entry: Entry = { ...(own.writing as Written), epoch: own.epoch, newest: state.epoch };
    const journal = [...state.journal, entry];
    yield [`${name} commits ${event}`, become({ folded: journal.length, writing: null }, { journal })];
    // A failed sync: it may be on disk or not. Whoever goes on as if it were not undoes nothing on disk.
    const after = has('undo-on-an-unknown-outcome') ? { writing: null } : down;
    yield [`${name} commits ${event} and is told that it failed`, become(after, { journal })];
  }

  return {
    initial: { journal: [], epoch: 0, blobs: [], coordinators: [down, down], receipts: [] },
    *steps(state) {
      yield* stepsOf(state, 0);
      yield* stepsOf(state, 1);
    },
    invariants,
  };
}

const invariants: Model<RoundState>['invariants'] = {
  'I1: a receipt names the journal line that accepts its update, and its payload is on disk': ({
    receipts,
    journal,
    blobs,
  }) =>
    receipts.every(({ cluster, payload, sequence }) => {
      const entry = journal[sequence - 1];
      return (
        entry?.event === 'updateArrived' &&
        entry.cluster === cluster &&
        entry.payload === payload &&
        blobs.includes(payload)
      );
    }),
  'I1: what was accepted is counted exactly once': ({ journal }) =>
    journal.every(
      ({ event, inputs }, at) =>
        event !== 'aggregated' || JSON.stringify(inputs) === JSON.stringify(inputsOf(acceptedIn(journal.slice(0, at)))),
    ),
  'I2: at most one accepted update of a cluster': ({ journal }) => {
    const accepted = acceptedIn(journal);
    return new Set(accepted.map(({ cluster }) => cluster)).size === accepted.length;
  },
  'I4: an update is accepted while its round collects, and a round ends once': ({ journal }) =>
    journal.every(({ event }, at) => {
      const phase = phaseOf(journal.slice(0, at));
      if (event === 'opened') return phase === undefined;
      return event === 'aggregated' ? phase === 'aggregating' : phase === 'collecting';
    }),
  'I5: every line is written under the newest epoch': ({ journal }) =>
    journal.every(({ epoch, newest }, at) => epoch === newest && epoch >= (journal[at - 1]?.epoch ?? 0)),
};

function phaseOf(journal: readonly Entry[]): PhaseKind | undefined {
  const ended = (event: EventKind) => journal.some((entry) => entry.event === event);
  if (ended('cancelled')) return 'abandoned';
  if (ended('aggregated')) return 'candidate';
  if (ended('timePassed')) return 'aggregating';
  return ended('opened') ? 'collecting' : undefined;
}

function acceptedIn(journal: readonly Entry[]): readonly Entry[] {
  return journal.filter(({ event }) => event === 'updateArrived');
}

function inputsOf(accepted: readonly Entry[]): readonly string[] {
  return accepted.map(({ cluster, payload }) => `${cluster}:${payload}`).sort();
}

function withReceipt(receipts: readonly Receipt[], receipt: Receipt): readonly Receipt[] {
  const all = new Set([...receipts, receipt].map((one) => JSON.stringify(one)));
  return [...all].sort().map((one) => JSON.parse(one) as Receipt);
}
