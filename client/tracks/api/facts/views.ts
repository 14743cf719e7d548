/**
 * Ways to look at a chain of calls; each gives one surprisal. Weights say how much a view's rarity counts in a chain's score;
 * they were chosen on attacks against two recorded clusters that no reported figure is about
 * (docs/benchmarks/detection-api.md).
 */
const weighted = {
  /** A template that its service was not asked for. */
  route: 0.6,
  status: 0.6,
  /** Who calls a route. */
  caller: 0.3,
  /** How callers of a route show who they are. */
  credentials: 0.7,
  /** Names of a body's fields. */
  field: 1,
  parameter: 0.2,
  /** Shapes of values. */
  value: 1,
  /** Of what was sent and received. */
  size: 0.4,
  /** Which call of the chain led to which. */
  order: 0.4,
  /** What the same subject asked for before. */
  transition: 0.2,
  /** What a source had asked for when it first named this subject, where subject or network are new. */
  arrival: 0.5,
  /** Whether the subject is known, and its network with it. */
  place: 0.6,
  /** Whose an object is that is asked for. */
  stranger: 0.8,
  rate: 0.2,
  failures: 0.4,
  routeFailures: 1,
  failingSources: 0.3,
  /** Changes of a subject's network. */
  switches: 0.4,
  /** Subjects that one source names. */
  subjects: 0.3,
  /** Objects asked for lately that the subject never had before. */
  objects: 1.2,
  /** Objects asked for lately that are other subjects'. */
  strangers: 0.8,
} as const;

export type View = keyof typeof weighted;
export const views = Object.keys(weighted) as readonly View[];
export const viewIds = Object.fromEntries(views.map((view, at) => [view, at])) as Readonly<Record<View, number>>;
/** By id. */
export const viewWeights: readonly number[] = Object.values(weighted);
