import type { PodFact } from '../cluster/facts.ts';
import type { Mark } from './marks.ts';

/** One pod with alerts, and what becomes of it. */
export type SeenSuspect = Readonly<{
  pod: PodFact;
  workload: string;
  risk: number;
  alerts: number;
  /** `waits`: for `testudo quarantine approve`. `held`: `because` says by what. `begun`: it is on its way. */
  state: 'quiet' | 'waits' | 'held' | 'begun';
  because: string;
  /** Where it waits. */
  asks?: Asked;
}>;

/** What an operator is asked for. */
export type Asked = Readonly<{
  action: 'isolate' | 'evict';
  /** After which it would be evicted. */
  keepForMs: number;
  /** If no other alerts come, these are enough until then. */
  untilMs: number;
  /** That raised its alerts, by name. */
  tracks: readonly string[];
}>;

export type Seen = Readonly<{
  /** Not all of the cluster is seen just now: what is missing here may be there. */
  isBlind: boolean;
  suspects: readonly SeenSuspect[];
  quarantined: readonly Readonly<{ pod: PodFact; mark: Mark }>[];
}>;
