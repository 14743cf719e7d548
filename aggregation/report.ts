import type { RefusalCode } from './admission.ts';
import type { Place } from './places/places.ts';
import type { AggregationPolicy } from './policy.ts';
import type { ClassVerdict, Convergence, ToldApart } from './updates.ts';

/** `settledPairs`: distances computed a second time, exactly; a measure of work, which depends on the algebra. */
export type AggregationOutcome = Readonly<{ report: AggregationReport; settledPairs: number }>;

/**
 * What came of every update and why: plain JSON, and a function of the updates' values, the policy and the context alone,
 * whatever machine or algebra computed it. So it may be part of what a release is signed with.
 */
export type AggregationReport = Readonly<{
  policy: AggregationPolicy;
  /** Rows given, rows admitted, and the f that the rule ran with (`enoughRows`). */
  n: number;
  nAdmitted: number;
  fApplied: number;
  /** What was done to the rows before the rule. Rows as given; after bucketing, `clippedRows` are buckets. */
  before: readonly BeforeReport[];
  convergence: Convergence | null;
  /** Present where the aggregate was shorter than float32 resolves, and the model therefore stays as it is. */
  settled?: true;
  /** What the aggregate did to the trusted sample's loss, where a rule looked at one; and where it was then moved for its attacks. */
  onSample?: Readonly<{ lossBefore: number; lossAfter: number; toldApart?: ToldApart }>;
  /** How each class was aggregated, where classes are declared; rows as given. */
  classes?: readonly ClassVerdict[];
  /** How much of the updates' squared distances the plane of their places holds, and the aggregate's place; where places were asked for. */
  map?: Readonly<{ share: number; aggregate: Place }>;
  /** One for each row given, in order. */
  updates: readonly UpdateReport[];
}>;

export type BeforeReport = Readonly<
  | { kind: 'clip' | 'adaptiveClip'; norm: number; clippedRows: readonly number[] }
  | { kind: 'nearestNeighbourMixing' }
  | { kind: 'bucketing'; buckets: readonly (readonly number[])[] }
>;

export type ReasonCode =
  | 'TAKES_PART'
  | 'HARMS_SAMPLE'
  | 'NO_CLASS'
  | 'SCORE_TOO_HIGH'
  | 'NOT_PICKED'
  | 'OUTSIDE_SUBSET'
  | RefusalCode;

export type UpdateReport = Readonly<{
  row: number;
  verdict: 'selected' | 'leftOut' | 'refused';
  reason: Readonly<{ code: ReasonCode; text: string }>;
  /** ‖update‖; null where it is not finite. */
  norm: number | null;
  /** What part of the aggregate it makes; null where the rule works per coordinate. */
  share: number | null;
  /** Krum score of the row that it became (its own mixture, its bucket), to three digits; null where the rule has none, or none was asked for. */
  score: number | null;
  /** Its nearest other admitted rows, ascending by row; empty where the rule compares no distances. */
  neighbours: readonly number[];
  /** Cosine of the angle to the aggregate; null for zero vectors and when not measured. */
  cosine: number | null;
  /** ‖update − aggregate‖; null when not measured. */
  distance: number | null;
  /** The tensors that make most of its squared distance to the aggregate, largest first; `part` of 1. */
  tensors: readonly Readonly<{ name: string; part: number }>[];
  /** Where it stands to the others, clipped as the rule saw it; where places were asked for, of updates that were admitted. */
  place?: Place;
  /**
   * How the loss on the trusted sample changes along it, at the new model: below 0 it teaches what the sample holds, above
   * 0 it harms that. `tensors`: where it does, largest first, in the same unit; empty where no gradient is known.
   */
  onSample?: Readonly<{ slope: number; tensors: readonly Readonly<{ name: string; slope: number }>[] }>;
}>;
