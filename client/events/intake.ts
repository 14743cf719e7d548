import type { Coarsened, SkipReason, SourceItem } from './source-item.ts';

/** Makes observations of what sources yield: what a few items add up to, track by track. */
export interface Intake<Observation> {
  /** One part for each source: threads, orders and clocks are a source's own. */
  from(source: IntakeSource): SourceIntake<Observation>;
}

export type IntakeSource = Readonly<{
  /** The same over restarts, such as "tetragonFile:/var/run/…". */
  name: string;
  /** A recording: what it holds is learnt, never judged. */
  recorded: boolean;
  /** How long after a flow ended its record may come, milliseconds, where that is long: its time is then a source's own. */
  delayMs?: number | undefined;
  /** Counts what was passed over. */
  skipped(reason: SkipReason, where: string, count?: number): void;
  /** Counts and logs what was taken, but not told apart. */
  coarsened(what: Coarsened, count: number, where: string): void;
}>;

/** Items of one source in order. Ignores kinds of item that are not for it. Bounded memory. */
export interface SourceIntake<Observation> {
  /** `order` grows with every item; `nowMs` is a monotonic clock of the client's, whatever the source's does. */
  push(item: SourceItem, order: number, nowMs: number): readonly Observation[];
  /** What has waited long enough: called when the source is idle too. */
  expire(nowMs: number): readonly Observation[];
  /** Everything that is open, as it is: the source ended or the client stops. */
  flush(): readonly Observation[];
  /** Order number of the oldest item that is not in an observation yet: a restart goes on from there. */
  oldest(): number | undefined;
}
